"""Files that are no files of weights are refused in one sentence, whatever they are, and nothing in them is run."""

import pickle
from collections import OrderedDict

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import safetensors.torch
import torch

from upslope.models.checkpoints import read
from upslope.runs.errors import DataProblem


class Runs:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_picture_is_refused(tmp_path):
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(DataProblem, match=r"x\.png is refused: it is not a file of tensors$"):
        read(tmp_path / "x.png")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_plain_pickle_is_refused_and_not_run(tmp_path, protocol):
    for content in (Runs(tmp_path / "ran"), {"head.bias": Runs(tmp_path / "ran")}):
        (tmp_path / "x.pth").write_bytes(pickle.dumps(content, protocol=protocol))
        with pytest.raises(DataProblem, match=r"x\.pth is (refused|damaged, or not a file of tensors)"):
            read(tmp_path / "x.pth")
        assert not (tmp_path / "ran").exists()


def test_code_beside_the_tensors_is_refused_and_not_run(tmp_path):
    torch.save({"model": {"head.bias": torch.ones(2)}, "epoch": Runs(tmp_path / "ran")}, tmp_path / "x.pth")
    with pytest.raises(
        DataProblem, match=r"x\.pth is refused: it asks for io\.open, which is not a tensor; it was not run$"
    ):
        read(tmp_path / "x.pth")
    assert not (tmp_path / "ran").exists()


def whole(tmp_path):
    torch.save({"head.bias": torch.ones(1000)}, tmp_path / "whole.pth")
    return (tmp_path / "whole.pth").read_bytes()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda tmp_path: b"", ""),
        (lambda tmp_path: b"hello" * 100, ""),
        (lambda tmp_path: whole(tmp_path)[:3000], r" \(PytorchStreamReader failed reading zip archive: [^.]*\)"),
        (lambda tmp_path: safetensors.torch.save({"a": torch.ones(9)})[:60], r" \(.*\)"),
    ],
    ids=["empty", "text", "half a zip", "half of safetensors"],
)
def test_what_is_damaged_is_said_in_one_sentence(tmp_path, content, reason):
    (tmp_path / "x").write_bytes(content(tmp_path))
    with pytest.raises(DataProblem, match=rf"^[^\n]*x is damaged, or not a file of tensors{reason}$"):
        read(tmp_path / "x")


@pytest.mark.parametrize("content", [torch.ones(2), [torch.ones(2)], {"epoch": 3}, {}])
def test_a_file_without_named_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(DataProblem, match=r"x\.pth holds no tensors by name(, only epoch)?$"):
        read(tmp_path / "x.pth")


def test_a_state_dict_is_found_where_trainers_put_it(tmp_path):
    state = OrderedDict({"head.bias": torch.arange(3.0)})
    for content in (state, {"model": state, "epoch": 3}, {"state_dict": {"model": state}}):
        torch.save(content, tmp_path / "x.pth")
        assert read(tmp_path / "x.pth")["head.bias"].tolist() == [0, 1, 2]
    with pytest.raises(DataProblem, match=r"absent cannot be read: no such file or directory$"):
        read(tmp_path / "absent")
    with pytest.raises(DataProblem, match=r"cannot be read: is a directory$"):
        read(tmp_path)
