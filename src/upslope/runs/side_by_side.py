"""The networks of one lab side by side: what each reached, and how large it is."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from upslope.cards import LabCard, Metric, ModelCard, discover
from upslope.runs.result import format_value, metric_label

if TYPE_CHECKING:
    from upslope.runs.records import Record


def side_by_side(records: Sequence["Record"], card: LabCard) -> list[str]:
    """Lines of Markdown: a row for each of the lab's variants that is on record, means over its seeds.

    The card's `compared` are the columns, the first of them the order, and its `network` says how a variant's network
    is called among the models.
    """
    first, *_ = card.compared
    shown = [each for each in records if first in each.metrics]
    if len(shown) < 2:
        return []
    shown.sort(key=lambda each: each.mean[first], reverse=_higher_is_better(first, card))
    heads = [metric_label(name) for name in card.compared]
    lines = [
        "",
        f"## {card.name}: its networks side by side",
        "",
        "Means over the seeds, on the same data. How long each trained stands in the first table, with which settings",
        "in the list below.",
        "",
        f"| network | parameters | {' | '.join(heads)} | seeds |",
        f"| --- | ---: |{' ---: |' * len(heads)} ---: |",
    ]
    sizes = _sizes()
    best = {name: _best(name, shown, card) for name in card.compared}
    for record in shown:
        network = card.network.format(**record.under(card))
        cells = [network, f"{sizes[network]:,}" if network in sizes else ""]
        for name in card.compared:
            value = record.mean.get(name)
            said = "" if value is None else format_value(value, card.unit(name))
            cells.append(f"**{said}**" if said and value == best[name] else said)
        lines.append(f"| {' | '.join([*cells, str(len(record.seeds))])} |")
    return lines


def _best(metric: str, records: Sequence["Record"], card: LabCard) -> float | None:
    values = [record.mean[metric] for record in records if metric in record.mean]
    return (max if _higher_is_better(metric, card) else min)(values, default=None)


def _higher_is_better(metric: str, card: LabCard) -> bool:
    return card.metrics.get(metric, Metric()).higher_is_better


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
