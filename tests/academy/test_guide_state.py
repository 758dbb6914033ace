"""States of the guide's items follow from events; proven and reported never mix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upslope.academy.evidence import Evidence, evidence_of
from upslope.academy.guide import CHECKED, items, parts
from upslope.academy.guide_state import climb, states
from upslope.academy.item_state import STATES, Report, Share, counts
from upslope.academy.lab_parts import parts_of
from upslope.academy.lessons import steps
from upslope.academy.progress import Event

LABS = sorted({step.lab for step in steps() if step.lab})
SETTINGS = {"digits": {"data": "mnist"}, "fashion": {"data": "fashion_mnist", "model": "vit"}}


def passed(exercise):
    return ("check", exercise, {"passed": True, "text": "x = 1\n", "path": "x.py"})


def run(lab, *, config=None, whose="yours", number=1):
    config = SETTINGS.get(lab, {"data": "mnist"}) if config is None else config
    own = dict.fromkeys(parts_of(lab, config), whose)
    return ("run", lab, {"run": f"{lab}-{number:04d}", "reached": True, "config": config, "parts": own})


def reported(item, **said):
    return ("report", item, said)


def after(*rows):
    return states(evidence_of(numbered(rows)))


def numbered(rows):
    return [Event(n, float(n), kind, subject, payload) for n, (kind, subject, payload) in enumerate(rows, 1)]


POOL = (
    *(passed(step.exercise) for step in steps() if step.exercise),
    *(run(lab) for lab in LABS),
    *(run(lab, whose="ours") for lab in LABS),
    *(run("fashion", config={"data": "fashion_mnist", "model": model}) for model in ("lenet", "resnet")),
    *(reported(item.id) for item in items()),
    *(reported(item.id, part=[2, 5], hours=1.5, link="https://example.org", note="n") for item in items()[::3]),
    *(reported(item.id, part=[0, 1]) for item in items()[::7]),
    *(("review", step.exercise, {"passed": True}) for step in steps() if step.exercise),
    ("report", "9.no.such.item", {}),
    ("tier", "gold", {"items": 300}),
)


@given(st.lists(st.sampled_from(POOL), max_size=120))
def test_for_every_subset_of_events_the_states_sum_and_never_mix(rows):
    found = after(*rows)
    assert list(found) == [item.id for item in items()]
    assert sum(counts(found).values()) == len(found) == 328
    assert sum(sum(counts(found, level).values()) for level in {item.level for item in items()}) == 328
    alone = after(*(row for row in rows if row[0] != "report"))
    words = after(*(row for row in rows if row[0] == "report"))
    assert counts(alone)["proven"] == counts(found)["proven"], "a report proves nothing"
    assert counts(words)["proven"] == 0
    for name, state in found.items():
        assert (state.state == "proven") == (alone[name].state == "proven")
        assert state.proven == alone[name].proven, "nor does it add to what is"
        assert alone[name].report is None
        assert 0 <= state.proven.done <= state.proven.of
        assert 0 <= state.reported.done <= state.reported.of
        if state.state == "proven":
            assert state.proven.whole
            assert state.by or name in parts()
        if state.item.covers == "part":
            assert state.state != "proven", "more is planned"


@given(st.lists(st.sampled_from([row for row in POOL if row[0] != "report"]), max_size=60), st.sampled_from(POOL))
def test_more_evidence_takes_no_proof_away(rows, one_more):
    before, now = after(*rows), after(*rows, one_more)
    assert {name for name, s in before.items() if s.state == "proven"} <= {
        name for name, s in now.items() if s.state == "proven"
    }


def test_everything_done_leaves_nothing_begun_that_could_be_proven():
    found = after(*POOL)
    for state in found.values():
        if state.item.kind == "build" and state.item.covers == "full" and not state.lacks and state.proven.whole:
            assert state.state == "proven"
    proven = {name for name, state in found.items() if state.state == "proven"}
    assert {"2.maths.convolution", "2.maths.pooling", "1.from-scratch.boss-digits", "3.transformer.heads"} <= proven
    assert {"2.generation.vae", "4.generative.gans.dcgan", "1.lightning.battle", "5.pytorch.audio"} <= proven


def test_what_is_built_and_has_no_proof_is_planned():
    proven_by = {proof.item for step in steps() for proof in step.proofs} | CHECKED
    for name, state in states(Evidence()).items():
        if state.item.kind == "build" and state.item.level != "A" and name not in parts() and name not in proven_by:
            assert state.state == "planned", name


def test_an_item_with_several_proofs_is_begun_and_then_proven():
    one = after(passed("upslope.blocks.attention:scaled_dot_product_attention"))["3.transformer.heads"]
    assert (one.state, one.proven, one.lacks) == ("begun", Share(1, 2), ("multi-head-attention",))
    both = after(
        passed("upslope.blocks.attention:scaled_dot_product_attention"),
        passed("upslope.blocks.attention:MultiHeadAttention"),
    )["3.transformer.heads"]
    assert (both.state, both.proven) == ("proven", Share(2, 2))
    assert both.by == ("exercise attention", "exercise multi-head-attention")


def test_a_part_of_the_proof_never_proves():
    found = after(passed("upslope.scratch.ops:relu"))["1.modern.relu-family"]
    assert (found.state, found.proven, found.more) == ("begun", Share(1, 1), True)


@pytest.mark.parametrize(
    ("config", "whose", "state"),
    [
        ({"data": "mnist"}, "yours", "proven"),
        ({"data": "digits"}, "yours", "open"),
        ({"data": "mnist"}, "ours", "open"),
        ({}, "yours", "open"),
    ],
)
def test_the_boss_battle_is_won_on_mnist_with_parts_of_ones_own(config, whose, state):
    assert after(run("digits", config=config, whose=whose))["1.from-scratch.boss-digits"].state == state


def test_a_parent_is_its_parts():
    found = after(run("dcgan"), run("vae"))
    assert found["2.generation"].state == "begun"
    assert found["2.generation"].proven == Share(2, 4)
    assert found["2.generation"].planned == 1
    assert found["2.generation"].by == ("2.generation.gan", "2.generation.vae")
    lone = after(*(reported(part.id) for part in parts()["1.specialization"]))
    assert lone["1.specialization"].state == "reported"
    assert lone["1.specialization"].reported == Share(4, 4)
    mixed = after(run("twins"), *(reported(f"1.lightning.{name}") for name in ("video", "graphs", "research")))
    assert mixed["1.lightning"].state == "reported", "the weakest of its parts counts"
    assert mixed["1.lightning"].proven == Share(1, 3)


def test_what_is_watched_does_not_hold_a_proof_up():
    """A parent is proven by what is built; the video beside it is reported, or not."""
    built = [passed("upslope.blocks.training:training_step"), run("fashion"), run("twins")]
    found = after(*built)
    assert found["1.lightning.research"].state == found["1.lightning.battle"].state == "proven"
    assert found["1.lightning"].proven == Share(2, 3), "the graphs are planned"


def test_reports_add_up_and_the_newest_part_counts():
    found = after(
        reported("R.books.goodfellow", part=[3, 20], hours=2.0, note="linear algebra"),
        reported("R.books.goodfellow", part=[5, 20], hours=1.5, link="https://example.org"),
    )["R.books.goodfellow"]
    assert found.state == "begun"
    assert found.report == Report(Share(5, 20), 3.5, ("https://example.org",), ("linear algebra",), 2.0)
    assert after(reported("R.books.goodfellow"))["R.books.goodfellow"].state == "reported"
    back = after(reported("R.books.goodfellow"), reported("R.books.goodfellow", part=[0, 1]))
    assert back["R.books.goodfellow"].state == "open", "part 0 takes a report back"


def test_one_reading_gives_states_and_tiers():
    whole = climb(evidence_of(numbered(POOL)))
    assert whole.states == states(evidence_of(numbered(POOL)))
    assert [tier.name for tier in whole.tiers] == ["bronze", "silver", "gold", "diamond", "legendary"]
    assert set(STATES) == set(counts(whole.states))
