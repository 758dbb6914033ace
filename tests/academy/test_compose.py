"""Composition by settings: which parts a lab is made of depends on what it is told, and blocks reach the models."""

import os
import subprocess
import sys
import textwrap

import pytest

from upslope.academy import generated_docs, lab_parts, lint
from upslope.academy.lessons import Return, Step, exercises, find, read, steps
from upslope.academy.mutation_run import standing_alone
from upslope.academy.overlay import Submission, build
from upslope.academy.reference import locate
from upslope.academy.roadmap import BadLesson, Place
from upslope.cards import discover

ATTENTION, BLOCK = "upslope.blocks.attention:scaled_dot_product_attention", "upslope.blocks.residual:BasicBlock"


@pytest.mark.parametrize(
    ("text", "name", "settings"),
    [
        ("softmax", "softmax", ()),
        ("fashion model=vit", "fashion", (("model", "vit"),)),
        ("fashion  model=vit epochs=3", "fashion", (("model", "vit"), ("epochs", "3"))),
        ("fashion note=a=b", "fashion", (("note", "a=b"),)),
    ],
)
def test_a_place_is_a_name_and_settings(text, name, settings):
    assert Return.parse(text) == Return(name, settings)


@pytest.mark.parametrize(
    "text", ["", "model=vit", "fashion vit", "fashion model=", "fashion =vit", "fashion model=vit x"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(BadLesson, match="not a step or a lab"):
        Return.parse(text)


def test_a_lesson_with_such_a_place_names_its_file(tmp_path):
    original = find("relu")
    path = tmp_path / original.path.parent.name / original.path.name
    path.parent.mkdir()
    text = original.path.read_text(encoding="utf-8")
    path.write_text(text.replace("returns in: [", "returns in: [fashion vit, "), encoding="utf-8")
    with pytest.raises(BadLesson, match=r"relu\.md: \"fashion vit\" is not a step or a lab"):
        read(path, Place(1, "Foundations", "", 3, "foundations", "relu"))


@pytest.mark.parametrize(
    ("config", "holds"),
    [
        (None, True),
        ({}, False),
        ({"model": "vit", "mirror": True, "widths": [1, 2]}, True),
        ({"model": "vit", "mirror": "true", "widths": "1,2"}, True),
        ({"model": "resnet", "mirror": True, "widths": [1, 2]}, False),
        ({"model": "vit", "mirror": False, "widths": [1, 2]}, False),
        ({"model": "vit", "mirror": True}, False),
    ],
)
def test_a_place_holds_where_all_settings_agree(config, holds):
    place = Return.parse("fashion model=vit mirror=true widths=1,2")
    assert place.holds(config) is holds
    assert Return("fashion").holds(config)


def made(name: str, *returns_in: str) -> Step:
    step = find(name)
    return Step(**{**vars(step), "returns_in": returns_in})


@pytest.fixture
def roadmap(monkeypatch):
    """Three exercises that return in fashion: always, in one network, in two."""
    roadmap = (
        made("relu", "fashion", "softmax"),
        made("softmax", "fashion model=vit"),
        made("linear", "fashion model=vit", "fashion model=lenet", "digits"),
    )
    monkeypatch.setattr(lab_parts, "exercises", lambda: roadmap)
    return roadmap


def names(parts) -> list[str]:
    return [lab_parts.part_name(part) for part in parts]


def test_parts_depend_on_the_settings(roadmap):
    assert names(lab_parts.parts_of("fashion")) == ["relu", "softmax", "Linear"]
    assert names(lab_parts.parts_of("fashion", {"model": "vit"})) == ["relu", "softmax", "Linear"]
    assert names(lab_parts.parts_of("fashion", {"model": "lenet"})) == ["relu", "Linear"]
    assert names(lab_parts.parts_of("fashion", {"model": "resnet"})) == ["relu"]
    assert names(lab_parts.parts_of("digits", {"model": "resnet"})) == ["Linear"]
    answers = {step.exercise: Submission(step.exercise, "", "") for step in roadmap[:2]}
    assert lab_parts.whose("fashion", answers, {"model": "resnet"}) == {roadmap[0].exercise: "yours"}
    assert list(lab_parts.whose("fashion", answers).values()) == ["yours", "yours", "ours"]
    assert [step.labs for step in roadmap] == [("fashion",), ("fashion",), ("fashion", "digits")]


def test_the_table_in_the_readme_shows_them_in_brackets(roadmap):
    assert [generated_docs._places(step) for step in roadmap] == [
        "fashion, softmax",
        "fashion (model=vit)",
        "fashion (model=vit or model=lenet), digits",
    ]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("fashion model=vit", []),
        ("fashion modell=vit", ["it returns in fashion with modell=, which lab fashion does not know"]),
        ("softmax model=vit", ["it returns in softmax with settings, and softmax is no lab"]),
        ("nowhere model=vit", ["it returns in nowhere, which is neither a later step nor a lab"]),
    ],
)
def test_proofreading_knows_the_labs_settings(place, said):
    step = made("relu", place)
    roadmap = [step if other.name == "relu" else other for other in steps()]
    assert list(lint.lesson(step, roadmap)) == said


def test_settings_are_read_from_the_labs_own_text():
    fashion = discover("labs")["fashion"]
    assert lab_parts.settings_said(fashion)["model"] == "resnet"
    assert lab_parts.settings_said(fashion, ["model = vit", "epochs=3"])["model"] == "vit"
    smoke = lab_parts.settings_said(fashion, preset="smoke")
    assert smoke["data"] == fashion.card.presets["smoke"]["data"]


def test_a_vision_transformer_has_no_residual_block_and_a_resnet_no_attention():
    """What the lessons say of the real lab."""
    vit, resnet = (lab_parts.parts_of("fashion", {"model": model}) for model in ("vit", "resnet"))
    assert ATTENTION in vit
    assert ATTENTION not in resnet
    assert BLOCK in resnet
    assert BLOCK not in vit
    both = set(vit) & set(resnet)
    assert both, "the training step and the schedule are parts of either"
    assert set(lab_parts.parts_of("fashion")) >= set(vit) | set(resnet)


def test_every_place_of_every_lesson_can_be_read():
    for step in exercises():
        assert all(place.name for place in step.returns)


@pytest.mark.needs("torch")
def test_models_are_built_of_the_learners_blocks(tmp_path):
    """In an overlay, the models found by name hold the learner's BasicBlock and call the learner's attention."""
    root = tmp_path / "overlay"
    root.mkdir()
    block = standing_alone(locate(BLOCK)) + "\nBasicBlock.yours = True\n"
    attention = standing_alone(locate(ATTENTION)) + textwrap.dedent("""
        called = []
        _right = scaled_dot_product_attention

        def scaled_dot_product_attention(q, k, v, *, mask=None):
            called.append(q.shape)
            return _right(q, k, v, mask=mask)
    """)
    build(
        root, {BLOCK: Submission(BLOCK, block, "block.py"), ATTENTION: Submission(ATTENTION, attention, "attention.py")}
    )
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import torch
        from upslope.blocks import attention
        from upslope.models.build import build, find, size_of

        resnet, vit = build("resnet-toy").eval(), build("vit-toy").eval()
        blocks = [m for m in resnet.modules() if type(m).__name__ == "BasicBlock"]
        assert blocks and all(m.yours for m in blocks), blocks
        assert type(blocks[0]).forward.__code__.co_filename == "block.py"
        print(len(resnet(torch.zeros(1, 3, 32, 32))), len(attention.called))
        vit(torch.zeros(1, *size_of(*find("vit-toy")).inputs[0].shape))
        print(len(attention.called) > 0)
        """)
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["1", "0", "True"], done.stderr
