"""The guide's twenty demands: each met by the evidence that its rule names, and by nothing less."""

from dataclasses import replace

import pytest

from upslope.academy.evidence import Evidence, evidence_of
from upslope.academy.guide import every_item, find_item, items
from upslope.academy.guide_state import climb
from upslope.academy.item_state import Report, Share, item_states
from upslope.academy.lessons import steps
from upslope.academy.progress import Event
from upslope.academy.tiers import ARCHITECTURES, BACKPROP, DEMANDS, TIERS, Known, newly_held, standing, tiers

BASE = item_states(items(), steps(), Evidence())
RUNS = tuple(
    Event(n, 0.0, "run", lab, {"run": f"{lab}-0001", "config": {"data": "mnist"}})
    for n, lab in enumerate(("digits", "lenet", "mnist"))
)
LESSON = replace(next(step for step in steps() if step.exercise), proves=(BACKPROP,))
RECALLED = Evidence(recalled=frozenset({str(LESSON.exercise)}))
LINK, WORDS = Report(links=("https://example.org",)), Report(notes=("what happened",))


def item(name, state="proven", *, by=(), report=None):
    share = Share(1, 1)
    reported = share if report else Share()
    return {name: replace(BASE[name], state=state, by=by, report=report, proven=share, more=False, reported=reported)}


def said(name, report):
    return item(name, "reported", report=report)


def built(level):
    return {name: replace(state, state="proven") for name, state in BASE.items() if state.item.level == level}


FIVE = {name: item(name, by=("exercise x", "lab y, run y-0001"))[name] for name in ARCHITECTURES[:5]}

# Demand -> states and evidence that meet it, and some that nearly do.
MET = {
    "A.bronze.network": (item("1.from-scratch.boss-digits"), Evidence()),
    "A.bronze.course": (said("1.specialization.all-five", Report()), Evidence()),
    "A.bronze.three": ({}, Evidence(runs=RUNS)),
    "A.bronze.backprop": (item(BACKPROP), RECALLED),
    "A.silver.domain": (built("3"), Evidence()),
    "A.silver.five": (FIVE, Evidence()),
    "A.silver.deploy": (item("5.tensorflow.deploy"), Evidence()),
    "A.silver.open-source": (said("T.month-10", LINK), Evidence()),
    "A.gold.paper": (item("5.pytorch.paper"), Evidence()),
    "A.gold.sota": (said("A.gold.sota", LINK), Evidence()),
    "A.gold.blog": (said("A.gold.blog", Report(links=("https://a.example", "https://b.example"))), Evidence()),
    "A.gold.mentor": (said("A.gold.mentor", WORDS), Evidence()),
    "A.diamond.research": (said("A.diamond.research", LINK), Evidence()),
    "A.diamond.product": (said("A.diamond.product", LINK), Evidence()),
    "A.diamond.speak": (said("A.diamond.speak", LINK), Evidence()),
    "A.diamond.influence": (said("A.diamond.influence", WORDS), Evidence()),
    "A.legendary.technique": (said("A.legendary.technique", LINK), Evidence()),
    "A.legendary.company": (said("A.legendary.company", LINK), Evidence()),
    "A.legendary.competition": (said("A.legendary.competition", LINK), Evidence()),
    "A.legendary.world": (said("A.legendary.world", WORDS), Evidence()),
}
TOY = tuple(replace(run, payload={**run.payload, "config": {"data": "toy"}}) for run in RUNS)
NEARLY = {
    "A.bronze.network": (item("1.from-scratch.boss-digits", "reported", report=LINK), Evidence()),
    "A.bronze.course": (said("1.specialization.networks", LINK), Evidence()),
    "A.bronze.three": ({}, Evidence(runs=(*RUNS[:2], RUNS[0], *TOY))),
    "A.bronze.backprop": (item(BACKPROP), Evidence()),
    "A.silver.domain": ({**built("3"), "3.llm.bert": BASE["3.llm.bert"]}, Evidence()),
    "A.silver.five": (
        {**FIVE, ARCHITECTURES[0]: item(ARCHITECTURES[0], by=("exercise x",))[ARCHITECTURES[0]]},
        Evidence(),
    ),
    "A.silver.deploy": (item("5.tensorflow.deploy", "reported", report=LINK), Evidence()),
    "A.gold.paper": (item("5.pytorch.paper", "begun"), Evidence()),
    "A.gold.blog": (said("A.gold.blog", LINK), Evidence()),
    "A.gold.mentor": (said("A.gold.mentor", Report()), Evidence()),
    "A.diamond.influence": (said("A.diamond.influence", LINK), Evidence()),
    "A.legendary.world": (said("A.legendary.world", Report(hours=9)), Evidence()),
}


def judged(name, changed, evidence):
    (demand,) = [demand for demand in DEMANDS if demand.item == name]
    return demand.judge(Known({**BASE, **changed}, evidence, (LESSON,)))


def test_the_demands_are_the_twenty_boxes_of_the_guide():
    assert [demand.item for demand in DEMANDS] == [i.id for i in items() if i.level == "A" and i.id.count(".") == 2]
    assert [sum(demand.tier == name for demand in DEMANDS) for name in TIERS] == [4] * 5
    assert set(MET) == {demand.item for demand in DEMANDS}
    assert all((find_item(d.item).kind == "build") == (d.basis == "proven") for d in DEMANDS)
    assert {find_item(name).kind for name in ARCHITECTURES} == {"build"}


@pytest.mark.parametrize("name", MET)
def test_a_demand_is_met_by_its_evidence_and_names_it(name):
    met = judged(name, *MET[name])
    assert met.share.whole
    assert met.by
    assert not met.planned or name == "A.silver.domain"


@pytest.mark.parametrize("name", MET)
def test_a_demand_is_not_met_without_evidence_and_says_what_it_lacks(name):
    met = judged(name, {}, Evidence())
    assert not met.share.whole
    assert met.share.done == 0
    assert met.lacks


@pytest.mark.parametrize("name", NEARLY)
def test_a_demand_is_not_met_by_nearly_enough(name):
    assert not judged(name, *NEARLY[name]).share.whole


@pytest.mark.parametrize("name", [d.item for d in DEMANDS if d.basis == "reported" and d.item != "A.bronze.course"])
def test_a_report_without_a_witness_meets_no_demand(name):
    assert not judged(name, said(name, Report()), Evidence()).share.whole


def held(*names, count=300):
    return Evidence(tiers={name: Event(1, 99.0, "tier", name, {"items": count}) for name in names})


def test_a_tier_needs_its_four_demands_and_the_tiers_below():
    everything = {name: state for changed, _ in MET.values() for name, state in changed.items()}
    evidence = Evidence(runs=RUNS, recalled=RECALLED.recalled)
    all_of_them = tiers({**BASE, **everything}, evidence, (LESSON,))
    assert [tier.held for tier in all_of_them] == [True] * 5
    assert standing(all_of_them).line() == "legendary"
    without = tiers(
        {**BASE, **everything, "1.specialization.all-five": BASE["1.specialization.all-five"]}, evidence, (LESSON,)
    )
    assert [tier.held for tier in without] == [False] * 5
    assert [tier.share for tier in without] == [Share(3, 4), *[Share(4, 4)] * 4]
    assert standing(without).line() == "3 of 4 to bronze"


def test_a_held_tier_stays_with_its_date_and_says_that_the_roadmap_grew():
    found = tiers(BASE, held("bronze", count=len(every_item()) - 9))
    assert (found[0].held, found[0].since, found[0].grew) == (True, 99.0, 9)
    assert found[0].share == Share(0, 4), "its demands are as they are"
    assert [tier.held for tier in found[1:]] == [False] * 4
    assert standing(found).line() == "bronze, 0 of 4 to silver"
    assert standing(found).grew == 9
    assert newly_held(found) == {}


def test_what_is_newly_held_is_to_be_written_down():
    changed = {name: state for key in MET if ".bronze." in key for name, state in MET[key][0].items()}
    found = tiers({**BASE, **changed}, Evidence(runs=RUNS, recalled=RECALLED.recalled), (LESSON,))
    new = newly_held(found)
    assert list(new) == ["bronze"]
    assert new["bronze"]["items"] == len(every_item())
    assert new["bronze"]["demands"]["A.bronze.network"] == ["1.from-scratch.boss-digits"]


def test_a_tier_as_an_item_rests_on_its_weakest_demand():
    found = climb(held("bronze")).states
    assert found["A.bronze"].state == "reported", "the course is a report"
    assert found["A.silver"].state == "planned"
    assert found["A.legendary"].state == "open"
    assert climb(evidence_of([])).states["A.bronze.network"].state == "open"
