"""The networks of one lab side by side: what each reached, and how large it is."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from upslope.cards import LabCard, Metric, ModelCard, discover
from upslope.runs.result import format_value, metric_label

if TYPE_CHECKING:
    from upslope.runs.records import Record


def side_by_side(records: Sequence["Record"], card: LabCard) -> list[str]:
    """Lines of Markdown: a row for each of the lab's variants that is on record, means over its seeds.

    The card's `compared` are the columns, and its `network` says how a variant's network is called among the models.
    """
    shown = [each for each in records if any(name in each.metrics for name in card.compared)]
    if len(shown) < 2:
        return []
    heads = [metric_label(name) for name in card.compared]
    lines = [
        "",
        f"## {card.name}: its networks side by side",
        "",
        "Means over the seeds, other things equal; how long they trained stands in the first table.",
        "",
        f"| network | parameters | {' | '.join(heads)} | seeds |",
        f"| --- | ---: |{' ---: |' * len(heads)} ---: |",
    ]
    sizes = _sizes()
    best = {name: _best(name, shown, card) for name in card.compared}
    for record in sorted(shown, key=lambda each: -each.mean.get(card.compared[0], 0.0)):
        config = {**card.added, **record.config}
        network = card.network.format(**config)
        cells = [network, f"{sizes[network]:,}" if network in sizes else ""]
        for name in card.compared:
            value = record.mean.get(name)
            said = "" if value is None else format_value(value, card.unit(name))
            cells.append(f"**{said}**" if said and value == best[name] else said)
        lines.append(f"| {' | '.join([*cells, str(len(record.seeds))])} |")
    return lines


def _best(metric: str, records: Sequence["Record"], card: LabCard) -> float | None:
    values = [record.mean[metric] for record in records if metric in record.mean]
    higher = card.metrics.get(metric, Metric()).higher_is_better
    return (max if higher else min)(values, default=None)


def _sizes() -> Mapping[str, int]:
    """The parameters of every size of a network whose card counts them."""
    cards = [found.card for found in discover("models").values()]
    return {
        name: size.parameters
        for card in cards
        if isinstance(card, ModelCard)
        for name, size in card.sizes.items()
        if size.parameters is not None
    }
