"""The summary of a model as a table for people: blocks by name, their layers below them, repeats as one row."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from upslope.models.summary import Layer


@dataclass(frozen=True)
class LayerRow:
    """One line. A heading stands above the rows of what is inside it, which hold its numbers."""

    layer: Layer  # with the sums of all that the row stands for
    label: str  # the path, below that of the heading
    level: int
    heading: bool = False


def rows(model: Layer, *, depth: int) -> list[LayerRow]:
    """The table, `depth` levels deep; sequences and lists of modules are no level of their own.

    Every parameter and every multiply-add stands in exactly one row that is no heading. What has no parameters,
    multiplies nothing and leaves the shape as it is (relu, dropout) does not appear.
    """
    return [*_itself(model, 0), *_inside(model, depth, 0)]


def fitting_depth(model: Layer, *, most: int) -> int:
    """The deepest table of at most `most` rows, and 1 if none is that short."""
    fitting = (depth for depth in range(_levels(model), 1, -1) if len(rows(model, depth=depth)) <= most)
    return next(fitting, 1)


def _levels(layer: Layer) -> int:
    return max((_levels(child) + (not child.holds_only) for child in layer.children), default=0)


def _inside(parent: Layer, depth: int, level: int) -> Iterator[LayerRow]:
    for group in _groups([child for child in parent.children if child.counts]):
        yield from _row(_together(group), parent.path, depth, level)


def _row(layer: Layer, above: str, depth: int, level: int) -> Iterator[LayerRow]:
    label = layer.path.removeprefix(above).lstrip(".")
    if layer.holds_only:
        for row in _inside(layer, depth, level):
            yield replace(row, label=f"{label}.{row.label}") if row.level == level else row
    elif depth > 1 and any(child.counts for child in layer.children):
        yield LayerRow(layer, label, level, heading=True)
        yield from _itself(layer, level + 1)
        yield from _inside(layer, depth - 1, level + 1)
    else:
        yield LayerRow(layer, label, level)


def _itself(layer: Layer, level: int) -> Iterator[LayerRow]:
    """What a layer does beside what its children do: attention multiplies what its linear layers have made."""
    if layer.children and (layer.own_parameters or layer.own_multiply_adds):
        kind = "products" if layer.own_multiply_adds else "parameters"
        own = replace(
            layer, kind=kind, parameters=layer.own_parameters, multiply_adds=layer.own_multiply_adds, children=()
        )
        yield LayerRow(own, "itself", level)


def _groups(layers: list[Layer]) -> Iterator[list[Layer]]:
    """Neighbours with numbers for names that differ in nothing but their place."""
    group: list[Layer] = []
    for layer in layers:
        if group and not (layer.path.split(".")[-1].isdigit() and _alike(group[-1], layer)):
            yield group
            group = []
        group.append(layer)
    if group:
        yield group


def _alike(a: Layer, b: Layer) -> bool:
    if a.path == b.path or len(a.children) != len(b.children):  # the same module, called twice, is no repeat
        return False
    same = (a.kind, a.output, a.parameters, a.multiply_adds) == (b.kind, b.output, b.parameters, b.multiply_adds)
    return same and all(map(_alike, a.children, b.children))


def _together(group: list[Layer]) -> Layer:
    """A group as one layer, its last, with the sums of all: stages.2.1-22."""
    first, last, count = group[0], group[-1], len(group)
    if count == 1:
        return last
    span = f"{first.path}-{last.path.split('.')[-1]}"
    whole = _times(last, count, last.path, span)
    return replace(whole, kind=f"{count} x {whole.kind}")


def _times(layer: Layer, count: int, path: str, span: str) -> Layer:
    return replace(
        layer,
        path=span + layer.path.removeprefix(path),
        parameters=count * layer.parameters,
        own_parameters=count * layer.own_parameters,
        multiply_adds=count * layer.multiply_adds,
        own_multiply_adds=count * layer.own_multiply_adds,
        children=tuple(_times(child, count, path, span) for child in layer.children),
    )
