"""`upslope look`: a page, a table of what the heads do, and the numbers."""

import numpy as np
import pytest

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
