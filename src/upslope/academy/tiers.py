"""Bronze, silver, gold, diamond, legendary: the guide's own twenty demands, each a rule that names its evidence.

A tier is held when its four demands are met and the tiers below it are held. Once held it stays held, with its date: an
event in the progress store says so, and how many items the guide had then. A demand that the guide wants proven is met
by proof and by nothing else; one that nobody can prove to a program is met by a report, with its link or its words.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from upslope.academy.evidence import Evidence
from upslope.academy.guide import CHECKED, every_item
from upslope.academy.item_state import ItemState, Share
from upslope.academy.lessons import Step, steps

TIERS = ("bronze", "silver", "gold", "diamond", "legendary")
# Items of the guide that are architectures: one counts when a lab has trained it out of the learner's own parts.
ARCHITECTURES = (
    *("2.zoo.lenet", "2.zoo.alexnet", "2.zoo.vgg", "2.zoo.resnet", "2.zoo.inception", "2.zoo.efficientnet"),
    *("2.zoo.vit", "2.detection.yolo", "2.detection.rcnn", "2.detection.ssd", "2.segmentation.semantic"),
    *("3.llm.bert", "3.llm.gpt", "3.llm.t5", "3.llm.roberta", "3.llm.albert", "3.llm.distilbert"),
    *("4.generative.gans.dcgan", "4.generative.gans.stylegan", "4.generative.gans.cyclegan"),
    *("4.generative.diffusion.ddpm", "2.generation.vae"),
)
BACKPROP = "1.raw.backprop"


@dataclass(frozen=True)
class Known:
    """What the rules look at."""

    states: Mapping[str, ItemState]  # of all items but those of the tiers
    evidence: Evidence
    roadmap: Sequence[Step]


@dataclass(frozen=True)
class Met:
    """How far a demand is met, and by what."""

    share: Share
    by: tuple[str, ...] = ()  # the evidence, named
    planned: bool = False  # it cannot be met with what there is yet
    lacks: str = ""  # what to type towards the rest


@dataclass(frozen=True)
class Demand:
    """One of the twenty: an item of the guide, its rule in words, and the rule."""

    item: str
    basis: Literal["proven", "reported"]
    rule: str
    judge: Callable[[Known], Met]

    @property
    def tier(self) -> str:
        return self.item.split(".")[1]


@dataclass(frozen=True)
class Judged:
    """A demand and how far it is met."""

    demand: Demand
    met: Met

    @property
    def holds(self) -> bool:
        return self.met.share.whole


@dataclass(frozen=True)
class Tier:
    """One tier: its demands, whether it is held, and since when."""

    name: str
    demands: tuple[Judged, ...]
    held: bool
    since: float | None = None  # seconds since 1970; None where it is not written down yet
    grew: int = 0  # how many items the guide has now that it had not when the tier was first held

    @property
    def share(self) -> Share:
        return Share(sum(judged.holds for judged in self.demands), len(self.demands))


@dataclass(frozen=True)
class Standing:
    """The highest tier that is held, and the way to the next one."""

    held: str  # "" before bronze
    next: str  # "" when there is no further one
    share: Share = field(default_factory=Share)  # demands of the next one that are met
    grew: int = 0

    def line(self) -> str:
        """ "3 of 4 to bronze", "bronze, 2 of 4 to silver"."""
        way = f"{self.share.done} of {self.share.of} to {self.next}" if self.next else ""
        return ", ".join(part for part in (self.held, way) if part)


def proven(item: str) -> Callable[[Known], Met]:
    """Met when one item is proven."""

    def judge(known: Known) -> Met:
        state = known.states[item]
        if state.state == "proven":
            return Met(Share(1, 1), (item, *state.by))
        lacks = f"upslope learn {state.lacks[0]}" if state.lacks else f"upslope roadmap {item}"
        if item in CHECKED:
            lacks = f"upslope report {item} --check URL"
        return Met(Share(0, 1), planned=not state.proven.of or state.more, lacks=lacks)

    return judge


def reported(
    *items: str, needs: Literal["nothing", "a link", "words", "a witness"], count: int = 1
) -> Callable[..., Met]:
    """Met by reports on one of some items, with so many links, or with a note, or with either as witness."""

    def judge(known: Known) -> Met:
        found = [known.states[item] for item in items if known.states[item].reported.whole]
        said = [state.report for state in found if state.report]
        given = {
            "nothing": tuple(state.item.id for state in found),
            "a link": tuple(link for report in said for link in report.links),
            "words": tuple(note for report in said for note in report.notes),
            "a witness": tuple(words for report in said for words in (*report.links, *report.notes)),
        }[needs]
        option = {"nothing": "", "a link": " --link URL", "words": " --note TEXT", "a witness": " --note TEXT"}[needs]
        return Met(Share(min(len(given), count), count), given, lacks=f"upslope report {items[0]}{option}")

    return judge


def labs_on_real_data(known: Known) -> Met:
    """Three labs that met their target on real data with every part the learner's own."""
    runs = {
        r.subject: r for r in known.evidence.runs if (r.payload.get("config") or {}).get("data") not in {None, "toy"}
    }
    named = tuple(f"lab {lab}, run {run.payload.get('run', '')}" for lab, run in runs.items())
    return Met(Share(min(len(named), 3), 3), named, lacks="upslope lab NAME --mine")


def backprop_recalled(known: Known) -> Met:
    """The item proven, and one of its exercises passed once more in a review."""
    first = proven(BACKPROP)(known)
    own = {step.exercise for step in known.roadmap for proof in step.proofs if proof.item == BACKPROP}
    again = tuple(f"review of {exercise}" for exercise in sorted(known.evidence.recalled & own))
    share = Share(first.share.done + bool(again), 2)
    lacks = first.lacks or f"the review of {BACKPROP}"
    return Met(share, (*first.by, *again), planned=not share.whole, lacks=lacks)


def a_domain(known: Known) -> Met:
    """All build items of level 2, or all of level 3: the level that is nearer to it counts."""
    built = {
        level: [s for s in known.states.values() if s.item.level == level and s.item.kind == "build"]
        for level in ("2", "3")
    }
    shares = {level: Share(sum(s.state == "proven" for s in found), len(found)) for level, found in built.items()}
    best = max(shares, key=lambda level: shares[level].done / max(1, shares[level].of))
    by = tuple(state.item.id for state in built[best] if state.state == "proven")
    left = sum(state.state == "planned" or state.more for state in built[best])
    return Met(shares[best], by, planned=left > 0, lacks=f"upslope roadmap {best}")


def five_architectures(known: Known) -> Met:
    """Five architectures that a lab has trained out of the learner's own parts, all exercises of each proven."""
    found = [known.states[item] for item in ARCHITECTURES]
    ready = [s for s in found if s.proven.whole and any(by.startswith("lab ") for by in s.by)]
    return Met(Share(min(len(ready), 5), 5), tuple(s.item.id for s in ready), lacks="upslope roadmap 2")


DEMANDS: tuple[Demand, ...] = (
    Demand(
        *("A.bronze.network", "proven", "lab digits on MNIST reaches its target, every part of it your own"),
        proven("1.from-scratch.boss-digits"),
    ),
    Demand(
        *("A.bronze.course", "reported", "1.specialization.all-five is reported: five of five courses"),
        reported("1.specialization.all-five", "A.bronze.course", needs="nothing"),
    ),
    Demand(
        *("A.bronze.three", "proven", "three labs on real data reach their targets, every part your own"),
        labs_on_real_data,
    ),
    Demand(
        *("A.bronze.backprop", "proven", "1.raw.backprop is proven, and recalled once in review"),
        backprop_recalled,
    ),
    Demand(
        *("A.silver.domain", "proven", "every item to build of level 2, or of level 3, is proven"),
        a_domain,
    ),
    Demand(
        *("A.silver.five", "proven", "five architectures: their exercises proven, each trained by a lab with them"),
        five_architectures,
    ),
    Demand(
        *("A.silver.deploy", "proven", "5.tensorflow.deploy is proven: a served model answers a check by machine"),
        proven("5.tensorflow.deploy"),
    ),
    Demand(
        *("A.silver.open-source", "reported", "reported with the link of the change"),
        reported("A.silver.open-source", "T.month-10", needs="a link"),
    ),
    Demand("A.gold.paper", "proven", "5.pytorch.paper is proven", proven("5.pytorch.paper")),
    Demand("A.gold.sota", "reported", "reported with a link to the result", reported("A.gold.sota", needs="a link")),
    Demand(
        *("A.gold.blog", "reported", "two posts, reported with their links"),
        reported("A.gold.blog", "T.month-11", needs="a link", count=2),
    ),
    Demand(
        *("A.gold.mentor", "reported", "reported with a witness: a link, or a note that says who"),
        reported("A.gold.mentor", needs="a witness"),
    ),
    Demand(
        *("A.diamond.research", "reported", "reported with the link of the paper"),
        reported("A.diamond.research", needs="a link"),
    ),
    Demand(
        *("A.diamond.product", "reported", "reported with the link of the product"),
        reported("A.diamond.product", needs="a link"),
    ),
    Demand(
        *("A.diamond.speak", "reported", "reported with the link of the talk"),
        reported("A.diamond.speak", needs="a link"),
    ),
    Demand(
        *("A.diamond.influence", "reported", "reported in your own words (--note)"),
        reported("A.diamond.influence", needs="words"),
    ),
    Demand(
        *("A.legendary.technique", "reported", "reported with a link to it"),
        reported("A.legendary.technique", needs="a link"),
    ),
    Demand(
        *("A.legendary.company", "reported", "reported with the company's link"),
        reported("A.legendary.company", needs="a link"),
    ),
    Demand(
        *("A.legendary.competition", "reported", "reported with a link to the ranking"),
        reported("A.legendary.competition", needs="a link"),
    ),
    Demand(
        *("A.legendary.world", "reported", "reported in your own words (--note)"),
        reported("A.legendary.world", needs="words"),
    ),
)


def tiers(
    states: Mapping[str, ItemState], evidence: Evidence, roadmap: Sequence[Step] | None = None
) -> tuple[Tier, ...]:
    """All five, from the states of the items and what the store says about tiers held before."""
    known = Known(states, evidence, steps() if roadmap is None else roadmap)
    found: list[Tier] = []
    for name in TIERS:
        demands = tuple(Judged(demand, demand.judge(known)) for demand in DEMANDS if demand.tier == name)
        event = evidence.tiers.get(name)
        met = bool(demands) and all(judged.holds for judged in demands) and all(tier.held for tier in found)
        grew = max(0, len(every_item()) - int(event.payload.get("items", 0))) if event else 0
        found.append(Tier(name, demands, met or event is not None, event.at if event else None, grew))
    return tuple(found)


def standing(found: Sequence[Tier]) -> Standing:
    """The highest tier that is held, and how far it is to the next."""
    held = [tier for tier in found if tier.held]
    coming = next((tier for tier in found if not tier.held), None)
    share = coming.share if coming else Share()
    return Standing(held[-1].name if held else "", coming.name if coming else "", share, held[-1].grew if held else 0)


def newly_held(found: Sequence[Tier]) -> dict[str, dict[str, object]]:
    """The tiers that are held and not written down yet, with what their event is to say."""
    return {
        tier.name: {
            "items": len(every_item()),
            "demands": {judged.demand.item: list(judged.met.by) for judged in tier.demands},
        }
        for tier in found
        if tier.held and tier.since is None
    }
