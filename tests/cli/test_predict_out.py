"""`upslope predict RUN "a seven" --count 3 --out FOLDER`: PNG files and a sheet, or one sentence."""

import numpy as np
import pytest
from PIL import Image

from upslope.runs.model_spec import ModelSpec
from upslope.ship import predictor
from upslope.ship.generated import ImageGenerator
from upslope.ship.pipelines.pipeline import LoadedModel
from upslope.training.numbered_noise import numbered_noise


class Asked(ImageGenerator):
    """Images whose first pixel is the class."""

    tag = "class-conditional-image-generation"
    options = ImageGenerator.options | {"steps", "guidance"}

    def generate(self, request):
        asked = request.options
        images = np.clip(numbered_noise(asked.numbers, (4, 6), seed=asked.seed) / 4 + 0.5, 0, 1)
        images[:, 0, 0] = (request.label or 0) / 255
        return images

    preprocess = rows = card = None


@pytest.fixture(autouse=True)
def _loaded(monkeypatch):
    classes = {"classes": list(map(str, range(10)))}
    spec = ModelSpec(Asked.tag, "unet", {}, {"x": {"shape": [1, 4, 6]}}, {"noise": {}}, classes, data="mnist")
    monkeypatch.setattr(predictor, "load", lambda word: Asked(LoadedModel(word, spec, lambda inputs: inputs)))


def test_samples_become_png_files_and_a_sheet(upslope, tmp_path):
    folder = tmp_path / "made"
    asked = ("predict", "ddpm-0001", "a seven", "--count", "3", "--first", "16", "--seed", "3")
    said = upslope(*asked, "--steps", "20", "--guidance", "2", "--out", str(folder))
    assert (said.code, said.err) == (0, "")
    assert "3 images and a sheet of them" in said.out
    names = [f"7-seed3-00{number}.png" for number in (16, 17, 18)]
    assert sorted(path.name for path in folder.iterdir()) == [*names, "sheet.png"]
    with Image.open(folder / names[1]) as image:
        assert (image.size, image.mode, image.getpixel((0, 0))) == ((6, 4), "L", 7)
        before = np.asarray(image)
    facts = upslope("predict", "ddpm-0001", "7", "--first", "17", "--seed", "3", "--out", str(folder), "--json").json
    assert facts["files"] == [str(folder / names[1]), str(folder / "sheet.png")]
    assert facts["answers"][0]["samples"][0]["number"] == 17
    with Image.open(folder / names[1]) as image:
        assert np.array_equal(np.asarray(image), before), "number 17 is the same alone"


def test_without_a_folder_it_says_how_to_get_files(upslope):
    said = upslope("predict", "ddpm-0001", "--count", "2")
    assert said.code == 0
    assert "--out FOLDER writes PNG files" in " ".join(said.out.split())


def test_somebody_elses_file_is_not_written_over(upslope, tmp_path):
    photograph = tmp_path / "7-seed0-0001.png"
    Image.new("L", (3, 3), 9).save(photograph)
    said = upslope("predict", "ddpm-0001", "7", "--count", "2", "--out", str(tmp_path))
    assert said.code == 2
    assert said.err.strip() == f"{photograph} exists already and was not drawn by upslope predict: name another folder"
    assert [path.name for path in tmp_path.glob("*.png")] == [photograph.name], "nothing was written beside it"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("a sevn",), 3, '"sevn" is nothing that the network knows; did you mean seven?'),
        (("",), 3, "the prompt is empty: ask for one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        (("seven " * 499 + "cat",), 3, 'the prompt has 500 words, and the network makes one thing at a time: "cat" is'),
        (
            ("7", "--temperature", "2"),
            2,
            "--temperature does not apply to class-conditional-image-generation (options:",
        ),
        (("7", "--steps", "0"), 2, "--steps is at least 1, not 0"),
        (("7", "--guidance", "nan"), 2, "--guidance is at least 0, not nan"),
    ],
)
def test_what_is_not_known_is_one_sentence(upslope, words, code, sentence):
    said = upslope("predict", "ddpm-0001", *words)
    assert said.code == code
    assert said.err.strip().startswith(sentence)
    assert len(said.err.strip().splitlines()) == 1
    assert "Traceback" not in said.err
