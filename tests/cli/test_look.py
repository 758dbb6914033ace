"""`upslope look`: a page, a table of what the heads do or of the classes, and the numbers."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch", reason="language models are made of PyTorch")


@pytest.fixture(scope="session")
def small(write_gguf, tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "small.gguf"
    write_gguf(path)
    return str(path)


def test_a_page_and_what_heads_do(upslope, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = upslope("look", small, "the weather, the 12")
    assert said.code == 0
    assert "small.gguf  2 layers of 4 heads, " in said.out
    assert "Written  " in said.out
    assert "Where small.gguf looks" in (tmp_path / "attention-small.html").read_text(encoding="utf-8")
    said = upslope("look", small, "the 12", "--layer", "2", "--head", "3", "--out", "mine.html")
    assert "Layer 2, head 3" in (tmp_path / "mine.html").read_text(encoding="utf-8")
    said = upslope("look", small, "x" * 70)
    assert "The sentence has 70 tokens: the first 64 are shown." in said.out


def test_the_numbers(upslope, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = upslope("look", small, "the 12", "--json").json
    assert found["tokens"] == ["the", "␣", "1", "2"]
    assert (found["layers"], found["heads"], found["causal"], found["file"]) == (2, 4, True, None)
    assert [(one["layer"], one["head"]) for one in found["attention"]] == [(1 + n // 4, 1 + n % 4) for n in range(8)]
    tables = np.array([one["weights"] for one in found["attention"]])
    np.testing.assert_allclose(tables.sum(axis=-1), 1, atol=1e-5)
    one = upslope("look", small, "the 12", "--layer", "2", "--head", "3", "--json").json["attention"]
    assert one == [found["attention"][6]]
    assert list(tmp_path.iterdir()) == []
    assert upslope("look", small, "the 12", "--json", "--out", "a.html").json["file"] == "a.html"
    assert (tmp_path / "a.html").is_file()


def test_what_is_refused(upslope, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = upslope("look", small, "the", "--layer", "3")
    assert said.code == 2
    assert "--layer 3 is not one of the 2 that small.gguf has: 1 to 2" in said.err
    assert "--head 0 is not one of the 4" in upslope("look", small, "the", "--head", "0").err
    assert "the sentence is empty" in upslope("look", small, "").err
    assert "there is no language model" in upslope("look", "gpt-0099", "the").err
    (tmp_path / "attention-small.html").write_text("mine")
    assert "name another file with --out" in upslope("look", small, "the").err
    assert list(tmp_path.iterdir()) == [tmp_path / "attention-small.html"]


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "cat.png"
    pixels = np.random.default_rng(0).random((30, 40, 3))
    Image.fromarray((255 * pixels).astype(np.uint8)).save(path)
    return str(path)


@pytest.fixture
def classifier(described):
    """A finished run of an untrained LeNet-5, by name."""
    return _run("mnist", described(arguments={"padding": 2, "modern": True}))


def _run(lab, spec):
    pytest.importorskip("lightning")
    from upslope.cards import discover
    from upslope.models.build import construct
    from upslope.runs.config import LabConfig
    from upslope.runs.run import Run
    from upslope.training.state import arrays

    run = Run.create(discover("labs")[lab].card, LabConfig(seed=1), quiet=True)
    if spec is not None:
        run.save_model(arrays(construct(discover("models")[spec.model], spec.arguments)), spec)
    run.finish({"test_accuracy": 0.5, "test_perplexity": 2.0})
    return run.folder.name


def test_a_picture(upslope, classifier, picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = upslope("look", classifier, picture)
    assert said.code == 0
    assert f"{classifier}  LeNet-5, trained on MNIST" in said.out
    assert "Written  " in said.out
    assert f"cat.png, seen by {classifier}" in (tmp_path / f"look-{classifier}.html").read_text(encoding="utf-8")
    # The same page again, by the lab's name and by the folder.
    assert upslope("look", "mnist", picture).code == 0
    said = upslope("look", str(tmp_path / "upslope-home" / "runs" / classifier), picture, "--layer", "2")
    assert "conv2" in (tmp_path / f"look-{classifier}.html").read_text(encoding="utf-8")


def test_the_numbers_of_a_picture(upslope, classifier, picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    found = upslope("look", classifier, picture, "--json").json
    assert sorted(tmp_path.iterdir()) == before
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert [each["method"] for each in found["explanations"]] == ["Grad-CAM", "Occlusion", "Integrated gradients"]
    assert [layer["module"] for layer in found["layers"]] == ["conv1", "", "conv2", ""]
    assert (found["convolution"]["module"], found["convolution"]["output"], found["file"]) == (
        "conv1",
        [6, 28, 28],
        None,
    )
    assert upslope("look", classifier, picture, "--json", "--out", "a.html").json["file"] == "a.html"
    assert (tmp_path / "a.html").is_file()


def test_what_is_refused_of_pictures(upslope, classifier, picture, described, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def refused(*words):
        said = upslope("look", *words)
        assert (said.code, len(said.err.strip().splitlines())) == (2, 1), said.err
        return said.err

    assert "--head is for text models" in refused(classifier, picture, "--head", "1")
    assert "--layer 3 is not one of the 2 convolutions" in refused(classifier, picture, "--layer", "3")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture at all")
    assert "broken.png" in refused(classifier, str(broken))
    assert "there is no picture nothing.png" in refused(classifier, "nothing.png")
    assert "saved no model" in refused(_run("digits", None), picture)
    assert 'there is no run "mnist-0099"; did you mean' in refused("mnist-0099", picture)
    assert 'there is no run "mnist-0099"' in refused("mnist-0099", "nothing.png"), "both are wrong"
    audio = described(model="lenet", arguments={"padding": 2})
    object.__setattr__(audio, "task", "audio-classification")
    assert "was trained for audio-classification" in refused(_run("spoken-digits", audio), picture)
