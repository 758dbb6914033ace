"""Settings: what is accepted, and the one sentence that answers everything else."""

from typing import ClassVar, Literal

import pytest
from pydantic import Field, model_validator

from upslope.cards import LabCard
from upslope.runs.config import LabConfig, only_with, parse_settings, settings_of, words_for
from upslope.runs.errors import ConfigProblem


class Config(LabConfig):
    """Every kind of setting."""

    epochs: int = Field(2, ge=1, description="how often")
    lr: float = 0.1
    data: Literal["digits", "mnist"] = "digits"
    sizes: tuple[int, ...] = (64, 10)
    fancy: bool = False

    @model_validator(mode="after")
    def _agree(self):
        if self.fancy and self.data == "mnist":
            raise ValueError("fancy=true works with data=digits only")
        return self


CARD = LabCard(
    name="lenet",
    title="",
    paper="",
    claim="",
    domain="",
    seconds={},
    data=(),
    expect=(),
    presets={"smoke": {"epochs": 1}, "laptop": {}, "full": {"epochs": 50, "lr": 0.2}},
)

EMPTY = LabCard(
    name="x", title="", paper="", claim="", domain="", seconds={}, data=(), expect=(), presets={"laptop": {}}
)


def parse(*words, preset="laptop"):
    return parse_settings(Config, words, card=CARD, preset=preset)


def test_words_lie_over_the_preset():
    assert parse().epochs == 2
    assert parse(preset="full").model_dump() == Config(epochs=50, lr=0.2).model_dump()
    config = parse("lr=3e-4", "seed=7", "sizes=32,16,10", "fancy=true", "data=digits", preset="full")
    assert (config.epochs, config.lr, config.seed, config.sizes, config.fancy) == (50, 3e-4, 7, (32, 16, 10), True)
    assert parse("sizes=[3]").sizes == (3,)
    assert parse("sizes=(3,4)").sizes == (3, 4)


def test_a_config_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        parse().epochs = 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["epoch=3"], 'lenet has no setting "epoch"; did you mean epochs? (upslope lab lenet --help lists all)'),
        (["zebra=3"], 'lenet has no setting "zebra" (upslope lab lenet --help lists all)'),
        (["epochs"], 'lenet: a setting is written key=value, got "epochs"'),
        (["=3"], 'lenet: a setting is written key=value, got "=3"'),
        (["epochs=many"], "lenet: epochs=many must be a whole number"),
        (["epochs=2.5"], "lenet: epochs=2.5 must be a whole number"),
        (["epochs=0"], "lenet: epochs=0 must be at least 1"),
        (["lr=fast"], "lenet: lr=fast must be a number"),
        (["lr=nan"], "lenet: lr=nan must be a finite number"),
        (["data=cifar"], "lenet: data=cifar must be one of digits or mnist"),
        (["fancy=perhaps"], "lenet: fancy=perhaps must be true or false"),
        (["fancy=yes", "data=mnist"], "lenet: fancy=true works with data=digits only"),
        (["epochs=1", "epochs=2"], "lenet: epochs is given twice, 1 and 2"),
        (["sizes=3,x"], "lenet: x in sizes must be a whole number"),
        (["seed=-1"], "lenet: seed=-1 must be at least 0"),
    ],
)
def test_one_sentence_for_everything_else(words, sentence):
    with pytest.raises(ConfigProblem) as caught:
        parse(*words)
    assert str(caught.value) == sentence


def test_what_would_change_nothing_is_refused():
    class Two(LabConfig):
        unused: ClassVar = {"threads": "one number is computed at a time"}
        model: Literal["flat", "deep"] = "flat"
        drop: float = Field(0.0, json_schema_extra=only_with(model="deep"))

    def two(*words):
        return parse_settings(Two, words, card=EMPTY)

    assert two("model=deep", "drop=0.1").drop == 0.1
    assert two("drop=0", "threads=1").drop == 0
    with pytest.raises(ConfigProblem, match=r"^x: drop=0.1 counts only with model=deep, and model is flat: leave it"):
        two("drop=0.1")
    with pytest.raises(ConfigProblem, match=r"^x: threads=2 changes nothing, because one number is computed"):
        two("threads=2")


def test_unknown_preset():
    with pytest.raises(ConfigProblem) as caught:
        parse(preset="labtop")
    assert str(caught.value) == 'lenet has no preset "labtop"; did you mean laptop? (presets: smoke, laptop, full)'


def test_words_that_make_a_config_again():
    config = parse("lr=0.25", "seed=4", "sizes=3,4", preset="full")
    words = words_for(config, card=CARD, preset="full")
    assert sorted(words) == ["lr=0.25", "seed=4", "sizes=3,4"]
    assert parse(*words, preset="full") == config
    assert words_for(parse(preset="smoke"), card=CARD, preset="smoke") == []


def test_words_leave_out_what_follows_from_others():
    class Brings(LabConfig):
        data: Literal["small", "large"] = "small"
        epochs: int = 60

        @model_validator(mode="before")
        @classmethod
        def _large(cls, given):
            return {"epochs": 10} | given if given.get("data") == "large" else given

    words = ["data=large"]
    assert words_for(parse_settings(Brings, words, card=EMPTY), card=EMPTY, preset="laptop") == words
    words = ["data=large", "epochs=60"]
    assert words_for(parse_settings(Brings, words, card=EMPTY), card=EMPTY, preset="laptop") == words


def test_settings_for_the_help():
    listed = {setting.name: setting for setting in settings_of(Config, card=CARD)}
    assert list(listed) == ["epochs", "lr", "data", "sizes", "fancy", "seed", "threads", "track"]
    assert (listed["epochs"].kind, listed["epochs"].default, listed["epochs"].help) == ("int", 2, "how often")
    assert listed["epochs"].presets == {"smoke": 1, "full": 50}
    assert listed["data"].kind == "digits | mnist"
