"""What `upslope model show` prints: the facts, the table of layers, and the weights to be had."""

from typing import TYPE_CHECKING

from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.format import large, listed, size

if TYPE_CHECKING:
    from upslope.cards import Input, ModelCard, Size, Weights
    from upslope.models.summary import Layer
    from upslope.models.table import LayerRow


def summary(screen: Screen, one: "Size", whole: "Layer") -> None:
    """Input, output, counts, and how far the layers see before one sees all of the picture."""
    published = f"{one.counted_by}: {one.parameters_about} million" if one.parameters_about else one.counted_by
    pairs = [
        ("input", shapes(one)),
        leaving(one),
        ("parameters", f"{whole.parameters:,}" + (f" (checked against {published})" if published else "")),
        ("multiply-adds", f"{large(whole.multiply_adds)} for one input, in convolutions and matrix products"),
    ]
    part = whole.widest_field()
    if part is not None:
        pixels = int(part.sees or 0)
        beyond = ", beyond the edges of the picture," if pixels > one.inputs[0].shape[-1] else ""
        then = "; then all of the picture" if sees(whole) == "all" else ""
        pairs.append(("receptive field", f"{pixels} x {pixels} pixels{beyond} up to {part.path}{then}"))
    screen.pairs(pairs)


def layers(screen: Screen, table: "list[LayerRow]") -> None:
    """The table of layers; on a narrow screen without how far each sees, on a very narrow one also without the kind."""
    rows: list[list[Piece]] = []
    for row in table:
        one = row.layer
        numbers: list[Piece] = ["", "", ""]
        if not row.heading:
            counts = f"{one.parameters:,}" if one.parameters else ""
            numbers = [counts, large(one.multiply_adds), (str(sees(one) or ""), "dim")]
        shape = ", ".join(["B", *map(str, one.output)]) if one.output is not None else ""
        rows.append(["  " * row.level + row.label, (one.kind, "dim"), shape, *numbers])
    columns = ["layer", "kind", "output", "parameters", "mult-adds", "sees"]
    widths = [max(len(_text(cell)) for cell in column) for column in zip(columns, *rows, strict=True)]
    shown = [k for k, name in enumerate(columns) if name != "sees" or any(row.layer.sees for row in table)]
    left_out: list[str] = []
    for name in ("sees", "kind"):
        if columns.index(name) in shown and sum(widths[k] + 2 for k in shown) > screen.width:
            shown.remove(columns.index(name))
            left_out.insert(0, name)
    right = [place for place, k in enumerate(shown) if k > 2]
    screen.table([columns[k] for k in shown], [[row[k] for k in shown] for row in rows], right=right)
    screen.gap()
    notes = ["B is the batch; mult-adds are for one input."]
    notes += ["sees: pixels of the input on a side."] if columns.index("sees") in shown else []
    repeated = any("-" in row.layer.path for row in table)
    notes += ["Repeated blocks are one row, with the sums of all."] if repeated else []
    notes += ["Layers without any of these numbers are left out."]
    notes += [f"A wider screen also shows: {', '.join(left_out)}."] if left_out else []
    screen.prose(" ".join(notes), style="dim")


def _text(cell: Piece) -> str:
    return cell if isinstance(cell, str) else cell[0]


def weights(screen: Screen, name: str, card: "ModelCard", one: "Size", here: list[str]) -> None:
    """What is published for this size, what is here, and how to get it."""
    formats = {weights.publisher for size in card.sizes.values() for weights in size.weights}
    fetchable = {weights.publisher: _offer(weights, here) for weights in one.weights if weights.file.urls}
    others = {publisher: "here, from a file of yours" for publisher in here if publisher not in fetchable}
    if fetchable or others:
        screen.gap()
        screen.line(("Published weights", "bold"))
        screen.pairs([*fetchable.items(), *others.items()])
        if card.note:
            screen.prose(card.note, style="dim")
    if formats:
        screen.gap()
        for place, publisher in enumerate(fetchable):
            screen.command(f"upslope model get {name}" + (f" --from {publisher}" if place else ""))
        keys = listed(sorted(formats))
        screen.command(f"upslope model get {name} --file PATH", f"from a file of yours with the keys of {keys}")


def sees(layer: "Layer") -> int | str | None:
    """Pixels on a side, or "all" of the picture."""
    from upslope.models.flops import WHOLE

    return "all" if layer.sees == WHOLE else None if layer.sees is None else int(layer.sees)


def facts(row: "LayerRow") -> dict[str, object]:
    """A row for programs."""
    one = row.layer
    return {
        "path": one.path,
        "kind": one.kind,
        "output": list(one.output) if one.output is not None else None,
        "parameters": one.parameters,
        "multiply_adds": one.multiply_adds,
        "sees": sees(one),
        "heading": row.heading,
    }


def leaving(one: "Size") -> tuple[str, str]:
    """("output", "10 numbers"), or ("outputs", "reconstruction (784), mean (20)")."""
    if not one.outputs:
        return "output", f"{' x '.join(map(str, one.output))} numbers" if one.output else "a number"
    sizes = {
        name: "any shape" if shape is None else " x ".join("any" if each is None else str(each) for each in shape)
        for name, shape in one.outputs.items()
    }
    return "outputs", ", ".join(f"{name} ({said or 'a number'})" for name, said in sizes.items())


def shapes(one: "Size") -> str:
    """3 x 224 x 224, of each input."""
    return " and ".join(_shape(given) for given in one.inputs)


def _shape(given: "Input") -> str:
    return " x ".join(map(str, given.shape))


def _offer(weights: "Weights", here: list[str]) -> str:
    """resnet50-11ad3fa6.pth; 80.9 % ImageNet top-1; 95.4 % ImageNet top-5; BSD-3-Clause; 102.5 MB."""
    metrics = "; ".join(f"{100 * value:.1f} % {what}" for what, value in weights.metrics.items())
    large_ = size(weights.file.size) if weights.file.size else ""
    there = "here" if weights.publisher in here else ""
    said = (weights.file.name, metrics, weights.licence, large_, weights.note, there)
    return "; ".join(part for part in said if part)
