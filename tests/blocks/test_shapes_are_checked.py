"""The shapes that blocks and models are annotated with are executed, here, and nowhere else."""

import ast
import importlib
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")
pytest.importorskip("beartype", reason="it reads the annotated shapes")

import torch
from jaxtyping import TypeCheckError

import upslope
from upslope.checks.contract.annotations import shapes_checked

SOURCE = Path(upslope.__file__).parent / "blocks"
CALLS = {
    "pooling": lambda module: module.global_average_pool(torch.ones(2, 3, 4, 4)),
    "patches": lambda module: module.ClassTokenAndPositions(tokens=4, dim=6)(torch.ones(2, 4, 6)),
}


def test_an_input_of_a_wrong_shape_is_refused(blocks):
    with pytest.raises(TypeCheckError, match="parameter 'x'"):
        blocks.pooling.global_average_pool(torch.ones(2, 3, 4))
    with pytest.raises(TypeCheckError):
        blocks.attention.scaled_dot_product_attention(torch.ones(5, 4), torch.ones(6, 4), torch.ones(7, 4))
    with pytest.raises(TypeCheckError):
        blocks.losses.smoothed_cross_entropy(torch.ones(3, 4), torch.ones(3))  # labels are integers


def test_the_shape_inside_a_module_is_refused(blocks):
    class Fewer(torch.nn.Module):
        def forward(self, x):
            return x[:, :-1]

    block = blocks.transformer.EncoderBlock(8, heads=2)
    block.attention.projection = Fewer()
    with pytest.raises(TypeCheckError, match=r"MultiHeadAttention\.forward"):
        block(torch.ones(2, 5, 8))


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("pooling", '-> Float[Tensor, "B C"]', '-> Float[Tensor, "C B"]'),
        ("pooling", "return x.mean(dim=(2, 3))", "return x.mean(dim=(2, 3), keepdim=True)"),
        ("patches", '-> Float[Tensor, "B T+1 D"]', '-> Float[Tensor, "B T+2 D"]'),
    ],
)
def test_a_wrong_annotation_and_a_wrong_result_are_found(tmp_path, monkeypatch, file, right, wrong):
    text = (SOURCE / f"{file}.py").read_text()
    assert text.count(right) == 1
    (tmp_path / "planted_block.py").write_text(text.replace(right, wrong))
    monkeypatch.syspath_prepend(tmp_path)
    with shapes_checked("planted_block"):
        planted = importlib.import_module("planted_block")
    assert "planted_block" not in sys.modules
    assert [path.name for path in tmp_path.iterdir()] == ["planted_block.py"]  # nothing compiled is left beside it
    with pytest.raises(TypeCheckError):
        CALLS[file](planted)


def test_who_imports_them_elsewhere_has_them_unchecked(blocks):
    from upslope.blocks import pooling
    from upslope.models.vision import lenet

    assert pooling is not blocks.pooling
    before = dict(sys.modules)
    with shapes_checked():
        import upslope.models.vision.lenet as checked

        assert checked is not lenet
    assert upslope.blocks.pooling is sys.modules["upslope.blocks.pooling"] is pooling
    assert upslope.models.vision.lenet is sys.modules["upslope.models.vision.lenet"] is lenet
    assert {name: module for name, module in sys.modules.items() if name in before} == before
    with pytest.raises(IndexError):  # what PyTorch itself says, and no check
        pooling.global_average_pool(torch.ones(2, 3, 4))


@pytest.mark.parametrize("path", sorted(SOURCE.glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_every_tensor_in_a_signature_has_a_shape(path):
    """`Tensor` alone says nothing; a step of training, which takes any model's, is the exception."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and node.name != "training_step":
            every = [*node.args.args, *node.args.kwonlyargs]
            bare = [arg.arg for arg in every if arg.annotation and ast.unparse(arg.annotation) == "Tensor"]
            returned = ast.unparse(node.returns) if node.returns else ""
            assert not bare, (node.name, bare)
            assert returned != "Tensor", node.name
