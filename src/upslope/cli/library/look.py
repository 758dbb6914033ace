"""`upslope look`: into a network, as a page: the attention of a text model, what a classifier sees in a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.terminal.completion import look_names
from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import plural
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.ship.language.attention import Attention


def look(
    name: Annotated[
        str,
        typer.Argument(
            metavar="RUN|MODEL",
            help="A run of an image classifier or of gpt, smollm2-135m-instruct, minilm, or a GGUF file.",
            autocompletion=look_names,
        ),
    ],
    given: Annotated[
        str, typer.Argument(metavar="SENTENCE|PICTURE", help="What the model reads: text, or a picture file.")
    ],
    layer: Annotated[
        int | None,
        typer.Option("--layer", metavar="L", help="The layer to begin with, of pictures the convolution; from 1 on."),
    ] = None,
    head: Annotated[int | None, typer.Option("--head", metavar="H", help="The head to begin with, from 1 on.")] = None,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="The page; default: attention-MODEL.html or look-RUN.html."),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Look into a network: where a text model looks in a sentence, what an image classifier sees in a picture.

    Writes one page that any browser opens, offline. With --json the numbers: of one layer or head, if it is named.
    """
    if _takes_pictures(name, given):
        return _on_a_picture(name, given, layer=layer, head=head, out=out)
    return _on_a_sentence(name, given, layer=layer, head=head, out=out)


def _takes_pictures(name: str, given: str) -> bool:
    """Whether a picture is meant: by a run that is none of text, or by the name of a picture and none of a model."""
    from upslope.image.read import SUFFIXES
    from upslope.models.build import UnknownModel, find
    from upslope.ship.vision.look import is_run

    if is_run(name):
        return True
    if Path(given).suffix.lower() not in SUFFIXES or Path(name).is_file():
        return False
    try:
        find(name)
    except UnknownModel:
        return True
    return False


def _on_a_picture(name: str, given: str, *, layer: int | None, head: int | None, out: str | None) -> int:
    from upslope.runs.workspace import short
    from upslope.ship.vision.look import look, numbers
    from upslope.ship.vision.look_html import write_page

    screen = Screen()
    if head is not None:
        raise UsageError("--head is for text models: of an image classifier --layer chooses the convolution")
    looked = look(name, given, layer=layer)
    path = Path(out or f"look-{Path(looked.model).stem}.html").expanduser()
    if out or not screen.quiet:
        write_page(looked, path)
    screen.give(numbers(looked) | {"file": str(path) if out else None})
    if screen.quiet:
        return Exit.DONE
    screen.line((looked.model, "bold"), f"  {looked.about}")
    for said in (looked.warning, looked.answer.doubt, *looked.answer.notes):
        if said:
            screen.prose(f"{said[:1].upper()}{said[1:]}.", style="yellow")
    screen.gap()
    best = zip(looked.explained, looked.answer.probabilities, strict=False)
    screen.table(("", ""), [[label, f"{100 * share:.1f} %"] for label, share in best], right=(1,))
    screen.gap()
    screen.line("Written  ", short(path))
    return Exit.DONE


def _on_a_sentence(name: str, given: str, *, layer: int | None, head: int | None, out: str | None) -> int:
    from upslope.runs.workspace import short
    from upslope.ship.language.attention import look
    from upslope.ship.language.attention_html import write_page

    screen = Screen()
    attention = look(name, given, quiet=screen.quiet)
    layers, heads, count, _ = attention.weights.shape
    _within("--layer", layer, layers, attention.model)
    _within("--head", head, heads, attention.model)
    first = attention.sharpest()
    shown = (first[0] if layer is None else layer - 1, first[1] if head is None else head - 1)
    path = Path(out or f"attention-{Path(attention.model).stem}.html").expanduser()
    if out or not screen.quiet:
        write_page(attention, path, layer=shown[0], head=shown[1])
    screen.give(_numbers(attention, layer, head) | {"file": str(path) if out else None})
    if screen.quiet:
        return Exit.DONE
    screen.line((attention.model, "bold"), f"  {plural(layers, 'layer')} of {plural(heads, 'head')}, {count} tokens")
    if attention.left_out:
        said = f"The sentence has {count + attention.left_out} tokens: the first {count} are shown."
        screen.prose(said, style="yellow")
    screen.gap()
    screen.table(("mostly look at", "heads", "most of all"), _kinds(attention))
    screen.gap()
    screen.line("Written  ", short(path))
    return Exit.DONE


def _within(option: str, value: int | None, most: int, model: str) -> None:
    if value is not None and not 1 <= value <= most:
        raise UsageError(f"{option} {value} is not one of the {most} that {model} has: 1 to {most}")


def _kinds(attention: "Attention") -> list[list[Piece]]:
    """What heads look at: how many do, and the one that does most."""
    found: dict[str, list[tuple[float, int, int]]] = {}
    for layer, row in enumerate(attention.patterns()):
        for head, (name, share) in enumerate(row):
            found.setdefault(name, []).append((share, layer + 1, head + 1))
    rows: list[list[Piece]] = []
    for name, those in sorted(found.items(), key=lambda item: -len(item[1])):
        share, layer, head = max(those)
        most = "" if name == "spread out" else f"layer {layer}, head {head}: {share:.0%}"
        rows.append([name, f"{len(those)}", most])
    return rows


def _numbers(attention: "Attention", layer: int | None, head: int | None) -> dict[str, object]:
    """For a program; layers and heads are counted from 1, as the options are."""
    layers, heads = attention.weights.shape[:2]
    patterns = attention.patterns()
    return {
        "model": attention.model,
        "text": attention.text,
        "tokens": [label.text for label in attention.tokens],
        "ids": list(attention.ids),
        "left_out": attention.left_out,
        "causal": attention.causal,
        "layers": layers,
        "heads": heads,
        "attention": [
            {
                "layer": one + 1,
                "head": other + 1,
                "mostly": patterns[one][other][0],
                "share": round(patterns[one][other][1], 4),
                "weights": [[round(share, 6) for share in row] for row in attention.weights[one, other].tolist()],
            }
            for one in range(layers)
            for other in range(heads)
            if layer in (None, one + 1) and head in (None, other + 1)
        ],
    }
