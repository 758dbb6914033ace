"""Models by name: what is found, what is built, and what is said of a name that there is not."""

import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

from upslope.models.build import UnknownModel, build, find, full_name, size_of


def test_every_size_of_every_card_is_found_by_its_name():
    from upslope.cards import discover

    for family, found in discover("models").items():
        for size in found.card.sizes:
            name = full_name(family, size)
            assert find(name) == (found, size)
            assert size_of(found, size) is found.card.sizes[size]


def test_what_is_read_from_text_is_what_the_module_holds():
    from upslope.cards import discover

    for found in discover("models").values():
        assert found.card == found.load().CARD


def test_overrides_replace_arguments_of_the_size():
    assert build("resnet-toy").head.out_features == 10
    assert build("resnet-toy", num_classes=3).head.out_features == 3


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("resnt50", r'^there is no model "resnt50"; did you mean resnet50\?$'),
        ("toy", r'^there is no model "toy"'),
        ("xyzzy", r'^there is no model "xyzzy"$'),
        ("vit", r"^vit is a family; its sizes are vit-28, vit-tiny, vit-small, vit-base, vit-large and vit-toy$"),
    ],
)
def test_a_name_that_there_is_not(name, sentence):
    with pytest.raises(UnknownModel, match=sentence):
        find(name)
