"""`upslope export`: three formats, and nothing lies there as done that is not whole, compared and described."""

import errno
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw

from upslope.cards import discover
from upslope.runs.config import LabConfig
from upslope.runs.errors import DiskProblem
from upslope.runs.run import Run

pytestmark = pytest.mark.needs("torch")
FORMATS = ("onnx", "safetensors", "pt2")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, described):
    """The folder of a finished run of a LeNet-5 with two channels, as it was drawn."""
    pytest.importorskip("torch")
    from upslope.models.vision.lenet import LeNet5
    from upslope.training.seeding import seeded

    arguments = {"padding": 2, "channels": (2, 4)}
    with seeded(7):
        weights = {name: value.numpy() for name, value in LeNet5(**arguments).state_dict().items()}
    card = discover("labs")["mnist"].card
    run = Run.create(card, LabConfig(seed=7), root=tmp_path_factory.mktemp("runs"), quiet=True)
    run.save_model(weights, described(arguments=arguments, mean=0.13, std=0.31))
    run.finish({"test_accuracy": 0.4321})
    return run.folder


@pytest.fixture
def run(finished, home):
    """That run in this test's workspace."""
    return shutil.copytree(finished, home / "runs" / finished.name)


@pytest.fixture
def out(tmp_path):
    """An empty folder for what is written."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("kind", [pytest.param("onnx", marks=pytest.mark.needs("onnx")), "safetensors", "pt2"])
def test_a_format_is_written_described_and_says_what_the_run_says(upslope, run, out, kind):
    said = upslope("export", "mnist-0001", "--format", kind, "--out", str(out), "--json")
    assert (said.code, said.err) == (0, "")
    done = said.json
    path = out / f"mnist-0001.{kind}"
    assert (done["path"], done["card"]) == (str(path), f"{path}.md")
    assert (done["run"], done["format"], done["size"]) == ("mnist-0001", kind, path.stat().st_size)
    assert 0 <= done["difference"] <= 1e-4
    assert (done["samples"], done["source"]) == (64, "generated pictures like those of mnist")
    assert sorted(os.listdir(out)) == [path.name, f"{path.name}.md"]

    card = (out / f"{path.name}.md").read_text(encoding="utf-8")
    sections = dict(part.split("\n", 1) for part in card.split("\n## ")[1:])
    assert list(sections) == [
        "What it does",
        "Data",
        "Measured",
        "How pictures are prepared",
        "Limits",
        "Use",
        "Licence",
    ]
    data = discover("data")["mnist"].card
    for words in (data.title, data.licence, data.homepage, data.citation, "train 55,000", "test 10,000"):
        assert words in sections["Data"]
    assert "| test accuracy | 43.21 % |" in sections["Measured"]
    assert "one seed (7)" in sections["Measured"]
    assert "It knows its classes only" in sections["Limits"]
    assert data.licence in sections["Licence"]
    assert path.name in sections["Use"]

    picture = out / "seven.png"
    image = Image.new("L", (90, 90), 255)
    ImageDraw.Draw(image).line([(20, 20), (65, 20), (35, 75)], fill=0, width=7)
    image.save(picture)
    answered = [upslope("predict", w, str(picture), "--json", "--top", "10").json for w in (str(path), "mnist-0001")]
    assert [answer["network"] for answer in answered] == [path.name, "mnist-0001"]
    by_file, by_run = (answer["answers"][0]["probabilities"] for answer in answered)
    assert by_file == pytest.approx(by_run, abs=1e-5)


def test_a_person_reads_what_was_compared_and_what_to_type(upslope, run, out, monkeypatch):
    monkeypatch.chdir(out)
    said = upslope("export", "mnist", "-f", "safetensors")
    assert (said.code, said.err) == (0, "")
    text = " ".join(said.out.split())
    assert text.startswith("mnist-0001.safetensors ")
    assert "compared with mnist-0001 on generated pictures like those of mnist, in batches of 1, 7, 64" in text
    assert text.count("the outputs are the same.") == 1
    assert "Model card mnist-0001.safetensors.md" in text
    assert said.out.splitlines()[-1] == "  upslope predict mnist-0001.safetensors picture.png"
    card = (out / "mnist-0001.safetensors.md").read_text(encoding="utf-8")
    assert "Compared with the run on 64 generated pictures like those of mnist: the outputs are the same." in card
    assert "written by its learner" not in card
    assert sorted(os.listdir(out)) == ["mnist-0001.safetensors", "mnist-0001.safetensors.md"]


def test_the_card_names_the_parts_that_its_learner_wrote(upslope, run, out):
    path = run / "result.json"
    parts = {"upslope.blocks.a:b": "yours", "upslope.blocks.c:d": "library"}
    path.write_text(json.dumps({**json.loads(path.read_text()), "parts": parts}))
    assert upslope("export", "mnist-0001", "-f", "safetensors", "--out", str(out)).code == 0
    card = (out / "mnist-0001.safetensors.md").read_text(encoding="utf-8")
    assert "1 of its 2 parts were written by its learner: upslope.blocks.a:b." in card


def test_a_file_that_is_there_stays_unless_forced(upslope, run, out):
    words = ("export", "mnist-0001", "-f", "safetensors", "--out", str(out))
    path = out / "mnist-0001.safetensors"
    path.write_text("somebody's own")
    said = upslope(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.strip() == f"{path} exists already: --force overwrites it, --out names another file"
    assert path.read_text() == "somebody's own"
    assert os.listdir(out) == [path.name]
    assert upslope(*words, "--force").code == 0
    assert path.stat().st_size > 1000
    first = path.read_bytes()
    assert upslope(*words, "--force").code == 0
    assert path.read_bytes() == first, "the same network is the same file"


def test_out_names_a_file_in_a_folder_yet_to_be_made(upslope, run, out):
    path = out / "new" / "reader.safetensors"
    said = upslope("export", "mnist-0001", "-f", "safetensors", "--out", str(path), "--json")
    assert said.code == 0, said.err
    assert said.json["path"] == str(path)
    assert sorted(os.listdir(path.parent)) == ["reader.safetensors", "reader.safetensors.md"]
    assert (path.parent / "reader.safetensors.md").read_text().startswith("# reader\n")


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("--out", "reader.pt2"), "reader.pt2"),
        (("--out", "new/reader.safetensors"), "new/reader.safetensors"),
        (("--out", "new", "-f", "safetensors"), "new/mnist-0001.safetensors"),
        (("--out", "v1.2/", "-f", "safetensors"), "v1.2/mnist-0001.safetensors"),
    ],
)
def test_an_ending_says_the_format_and_a_name_without_one_is_a_folder(upslope, run, out, monkeypatch, words, path):
    monkeypatch.chdir(out)
    said = upslope("export", "mnist-0001", *words, "--json")
    assert said.code == 0, said.err
    assert said.json["path"] == path
    assert said.json["format"] == path.rpartition(".")[2]
    assert (out / path).stat().st_size > 1000


def test_a_file_is_not_exported(upslope, run, out, monkeypatch):
    monkeypatch.chdir(out)
    for name, instead in (
        ("a.onnx", "upslope predict a.onnx uses it"),
        ("a.txt", "upslope runs lists what"),
    ):
        (out / name).touch()
        said = upslope("export", name)
        assert (said.code, said.out) == (2, "")
        assert said.err.strip().startswith(f"{name} is a file, and only a run can be exported: {instead}")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("-f", "onx"), 'there is no format "onx"; did you mean onnx? (formats: onnx, safetensors, pt2)'),
        (("-f", "safetensor"), 'there is no format "safetensor"; did you mean safetensors? (formats: onnx,'),
        (("-f", "keras"), 'there is no format "keras" (formats: onnx, safetensors, pt2)'),
        (("-f", "onnx", "--out", "x.pt2"), "x.pt2 does not end in .onnx, which tells the format later"),
    ],
)
def test_words_that_make_no_sense_together(upslope, run, out, monkeypatch, words, sentence):
    monkeypatch.chdir(out)
    said = upslope("export", "mnist-0001", *words)
    assert (said.code, said.out) == (2, "")
    assert said.err.strip().startswith(sentence)
    assert len(said.err.splitlines()) == 1
    assert os.listdir(out) == []


@pytest.mark.parametrize(
    ("gone", "words", "sentence"),
    [
        (("result.json",), "mnist-0001", "mnist-0001 is not finished: upslope lab --resume mnist-0001 goes on with it"),
        (
            ("result.json", "model_spec.json"),
            "mnist-0001",
            "mnist-0001 is not finished: upslope lab --resume mnist-0001",
        ),
        (("result.json",), "mnist", "no run of mnist is finished yet: upslope lab mnist"),
        (("model_spec.json",), "mnist-0001", "mnist-0001 saved no model"),
        (("model.safetensors",), "mnist-0001", "mnist-0001 has lost its model.safetensors: upslope lab mnist"),
        (("config.json",), "mnist-0001", "mnist-0001 has lost its config.json, which says what was run: it can be"),
        ((), "mnits-0001", 'there is no run "mnits-0001"; did you mean mnist-0001? (upslope runs lists them)'),
    ],
)
def test_a_run_that_has_nothing_to_export(upslope, run, home, out, monkeypatch, gone, words, sentence):
    monkeypatch.chdir(out)
    for name in gone:
        (run / name).unlink()
    said = upslope("export", words, "-f", "safetensors")
    assert (said.code, said.out) == (2, "")
    assert said.err.strip().startswith(sentence.format(home=home))
    assert len(said.err.splitlines()) == 1
    assert os.listdir(out) == []


def _full(path, content):
    """A disk that has room for the first bytes only."""
    with open(path, "wb") as file:
        file.write(content[:100])
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("before", [None, "somebody's own"])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_full_disk_leaves_nothing_behind(upslope, run, out, monkeypatch, kind, before):
    """And what lay there before, as it was."""
    from upslope.ship import formats

    monkeypatch.setitem(formats.WRITERS, kind, lambda module, network, path: _full(path, bytes(1000)))
    path = out / f"mnist-0001.{kind}"
    if before is not None:
        path.write_text(before)
    said = upslope("export", "mnist-0001", "-f", kind, "--out", str(out), "--force")
    assert (said.code, said.out) == (3, "")
    assert said.err.strip() == f"the disk is full: {path} could not be written; free some space and try again"
    assert os.listdir(out) == ([] if before is None else [path.name])
    assert before is None or path.read_text() == before


@pytest.mark.parametrize("kind", ["safetensors", "pt2"])
def test_the_libraries_do_not_write_by_themselves(upslope, run, out, monkeypatch, kind):
    """On a full disk safetensors raises an error that is no OSError, and PyTorch's writer aborts the process."""
    from pathlib import Path

    monkeypatch.setattr(Path, "write_bytes", _full)
    said = upslope("export", "mnist-0001", "-f", kind, "--out", str(out), "--json")
    assert said.code == 3, said.err
    assert said.json["error"].startswith(f"the disk is full: {out / f'mnist-0001.{kind}'} could not be written")
    assert os.listdir(out) == []


def test_no_network_without_its_card(upslope, run, out, monkeypatch):
    from upslope.ship import export

    def refused(path, content):
        raise DiskProblem(f"the disk is full: {path} could not be written; free some space and try again")

    monkeypatch.setattr(export, "write_atomically", refused)
    said = upslope("export", "mnist-0001", "-f", "safetensors", "--out", str(out))
    assert said.code == 3
    assert f"{out / 'mnist-0001.safetensors.md'} could not be written" in said.err
    assert os.listdir(out) == []


@pytest.mark.parametrize(("shift", "shown"), [(0.01, "0.01"), (np.nan, "nan")])
def test_what_reads_back_differently_is_not_called_done(upslope, run, out, monkeypatch, shift, shown):
    from dataclasses import replace

    from upslope.ship import export

    real = export.from_file

    def other(path):
        network = real(path)
        return replace(
            network, forward=lambda x: {name: y + np.float32(shift) for name, y in network.forward(x).items()}
        )

    monkeypatch.setattr(export, "from_file", other)
    said = upslope("export", "mnist-0001", "-f", "safetensors", "--out", str(out))
    assert (said.code, said.out) == (1, "")
    expected = f"the exported model's outputs differ from the original's by {shown}: nothing is written"
    assert said.err.strip() == expected
    assert os.listdir(out) == []
    assert upslope("export", "mnist-0001", "-f", "safetensors", "--out", str(out), "--json").json == {
        "error": expected,
        "exit": 1,
    }
