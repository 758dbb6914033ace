"""Every setting of every lab counts: what its choices leave without effect is refused."""

import re

import pytest

from upslope.cards import discover
from upslope.runs.config import LabConfig, make_config, parse_settings
from upslope.runs.errors import ConfigProblem

pytestmark = pytest.mark.needs("torch")
LABS = discover("labs")


@pytest.mark.parametrize("name", LABS)
def test_a_lab_reads_each_of_its_settings(name):
    """By its text: a field that is declared and never looked at would be taken without effect."""
    text = LABS[name].path.read_text(encoding="utf-8")
    config = LABS[name].load().Config
    own = [field for field in config.__annotations__ if field in config.model_fields]
    unread = [f for f in own if not re.search(rf'config\.{f}\b|"{f}"', text) and f not in LabConfig.model_fields]
    assert unread == []


@pytest.mark.parametrize("name", LABS)
def test_presets_variants_and_ablations_are_accepted_and_can_be_resumed(name):
    card, config = LABS[name].card, LABS[name].load().Config
    settings = [*card.presets.values()]
    settings += [{**v, **a.settings} for v in card.variants.values() for a in card.ablations if a.fits(v)]
    for values in settings:
        made = make_config(config, dict(values), lab=name)
        assert make_config(config, made.model_dump(mode="json"), lab=name) == made


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("fashion drop_path=0.1", "drop_path=0.1 counts only with model=vit, and model is resnet"),
        ("fashion model=lenet drop_path=0.1", "drop_path=0.1 counts only with model=vit, and model is lenet"),
        ("gpt freeze=blocks optimizer=adamw", "optimizer=adamw counts only with freeze=none, and freeze is blocks"),
        ("gpt freeze=blocks lr=0.1", "lr=0.1 counts only with freeze=none"),
        ("dcgan compile=true", "compile=true changes nothing, because this lab does not compile"),
        ("dqn compile=true", "compile=true changes nothing, because this lab does not compile"),
        ("dqn devices=2", "devices=2 changes nothing, because one process acts and learns"),
        ("digits-pure threads=2", "threads=2 changes nothing, because pure Python computes one number at a time"),
        ("mnist devices=3 batch_size=50", "batch_size=50 cannot be shared evenly by 3 processes"),
    ],
)
def test_what_the_other_settings_leave_without_effect_is_refused(words, sentence):
    name, *settings = words.split()
    with pytest.raises(ConfigProblem) as caught:
        parse_settings(LABS[name].load().Config, settings, card=LABS[name].card)
    assert str(caught.value).startswith(f"{name}: {sentence}")


def test_a_ladder_has_the_settings_of_its_rungs(tmp_path):
    from upslope.runs.launcher import start
    from upslope.runs.run_dir import list_runs

    with pytest.raises(ConfigProblem, match=r"^mnist: lr=0.1 changes nothing, because each rung of the ladder has its"):
        start(LABS["mnist"], ["ladder=1", "lr=0.1", "data=toy"], root=tmp_path, quiet=True)
    assert list_runs(tmp_path) == []
