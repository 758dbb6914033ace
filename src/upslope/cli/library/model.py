"""`upslope model`: which models there are, what one is made of, and published weights for it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from upslope.cli.terminal.completion import model_names
from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.group import Verbs
from upslope.cli.terminal.options import AsJson, Debug
from upslope.spelling import did_you_mean

if TYPE_CHECKING:
    from upslope.cards import Found, ModelCard

ROWS = 24  # of a table of layers, unless --depth asks for more

Name = Annotated[str, typer.Argument(help="A model, or a family of them.", autocompletion=model_names)]
Depth = Annotated[int | None, typer.Option("--depth", min=1, help="How many levels of blocks the table opens.")]
Publisher = Annotated[str, typer.Option("--from", help="Whose weights, where several publish some.")]
Own = Annotated[Path | None, typer.Option("--file", help="A file of weights that you have, .pth or .safetensors.")]

model = typer.Typer(cls=Verbs, rich_markup_mode=None, invoke_without_command=True, help="List, see and fetch models.")


@model.callback()
def without_verb(context: typer.Context, as_json: AsJson = False, debug: Debug = False) -> int | None:
    """List, see and fetch models."""
    return listing() if context.invoked_subcommand is None else None


@model.command("list")
def listing(as_json: AsJson = False, debug: Debug = False) -> int:
    """List the models: sizes, parameters, input, paper."""
    screen = Screen()
    cards = families()
    screen.give({"models": [_facts(card, key) for card in cards.values() for key in card.sizes]})
    if screen.quiet:
        return Exit.DONE
    for card in cards.values():
        _heading(screen, card)
        _sizes(screen, card)
        screen.gap()
    _go_on(screen, next(iter(cards.values())))
    return Exit.DONE


@model.command("show")
def show(name: Name, depth: Depth = None, as_json: AsJson = False, debug: Debug = False) -> int:
    """Show what a model is made of, layer by layer."""
    screen = Screen()
    if name in families() and name not in sizes():
        return _family(screen, families()[name])
    found, key = find(name)
    from upslope.cli.library import model_show
    from upslope.models.summary import examine
    from upslope.models.table import fitting_depth, rows

    card = cast("ModelCard", found.card)
    whole = examine(found, key)
    table = rows(whole, depth=depth or fitting_depth(whole, most=ROWS))
    part = whole.widest_field()
    counts = {"parameters": whole.parameters, "multiply_adds": whole.multiply_adds}
    fields = {"sees": model_show.sees(whole), "sees_part": {part.path: model_show.sees(part)} if part else {}}
    screen.give(_facts(card, key) | counts | fields | {"layers": [model_show.facts(row) for row in table]})
    if screen.quiet:
        return Exit.DONE
    screen.line((name, "bold"), f"  {card.title}")
    screen.prose(f"{card.paper}, {card.link}", style="dim")
    screen.gap()
    model_show.summary(screen, card.sizes[key], whole)
    screen.gap()
    model_show.layers(screen, table)
    model_show.weights(screen, name, card, card.sizes[key], kept(name))
    return Exit.DONE


@model.command("get")
def fetch(
    name: Name, publisher: Publisher = "", file: Own = None, as_json: AsJson = False, debug: Debug = False
) -> int:
    """Fetch published weights, and make their keys ours."""
    from upslope.runs.workspace import short

    screen = Screen()
    if name in families() and name not in sizes():
        keys = [key for key in families()[name].sizes if not key.startswith("toy")]
        raise UsageError(f"{name} is a family; which of its sizes: {', '.join(keys)}?")
    found, _ = find(name)
    from upslope.models import pretrained

    if file is None:
        path = pretrained.get(name, publisher=publisher, quiet=screen.quiet)
        whose, same = path.stem.removeprefix(f"{name}-"), True
    else:
        path, whose, same = pretrained.adopt(name, file.expanduser(), publisher=publisher)
    screen.give({"name": name, "publisher": whose, "path": str(path), "published_file": same})
    if file is None:
        screen.line(f"{name} of {whose} is here, with the right sha256, under our keys:  ", short(path))
    else:
        screen.line(f"{short(file)} has the keys of {whose}; under ours it is here:  ", short(path))
        said = f"It is the file that {whose} publishes." if same else "Its sha256 is on no card."
        screen.prose(said, style="dim")
    screen.gap()
    screen.line("In Python  ", (f'upslope.models.pretrained.load("{name}", publisher="{whose}")', "bold"))
    if cast("ModelCard", found.card).causal:
        screen.command(f"upslope chat {name}")
    return Exit.DONE


def families() -> dict[str, "ModelCard"]:
    """The cards of the models by name."""
    from upslope.cards import discover

    return {name: cast("ModelCard", found.card) for name, found in discover("models").items()}


def sizes() -> "dict[str, tuple[Found, str]]":
    """Every size by its name, with its card and its key there. Reads cards only, so that it needs no torch."""
    from upslope.cards import discover

    named: dict[str, tuple[Found, str]] = {}
    for family, found in discover("models").items():
        named |= {_full(family, key): (found, key) for key in cast("ModelCard", found.card).sizes}
    return named


def find(name: str) -> "tuple[Found, str]":
    """The card that has a size of this name, and the size's key."""
    known = sizes()
    if name not in known:
        near = did_you_mean(name, [*known, *families()])
        raise UsageError(f'there is no model "{name}"{near} (upslope model list)')
    return known[name]


def kept(name: str) -> list[str]:
    """Whose weights of this size are on this computer."""
    from upslope.runs.workspace import data_folder

    found = (data_folder() / "models").glob(f"{name}-*.safetensors")
    return sorted(path.stem.removeprefix(f"{name}-") for path in found)


def _family(screen: Screen, card: "ModelCard") -> int:
    screen.give({"name": card.name, "title": card.title, "models": [_facts(card, key) for key in card.sizes]})
    if not screen.quiet:
        screen.line((card.name, "bold"), f"  {card.title}")
        screen.prose(f"{card.paper}, {card.link}", style="dim")
        screen.gap()
        _sizes(screen, card)
        screen.gap()
        _go_on(screen, card)
    return Exit.DONE


def _heading(screen: Screen, card: "ModelCard") -> None:
    """resnet  Residual Network, and the paper at the right end; below, where there is no room for it."""
    if len(f"{card.name}  {card.title}    {card.paper}") <= screen.width - 2:
        screen.ends([(card.name, "bold"), f"  {card.title}"], card.paper)
    else:
        screen.line((card.name, "bold"), f"  {card.title}")
        screen.prose(card.paper, style="dim")


def _go_on(screen: Screen, card: "ModelCard") -> None:
    first = next((key for key in card.sizes if not key.startswith("toy")), "toy")
    screen.command(f"upslope model show {_full(card.name, first)}", "what it is made of")


def _sizes(screen: Screen, card: "ModelCard") -> None:
    """The sizes of a family; the toy, which is there for tests, comes last."""
    from upslope.cli.library.model_show import shapes

    rows: list[list[Piece]] = []
    for key in sorted(card.sizes, key=lambda key: key.startswith("toy")):
        one, name = card.sizes[key], _full(card.name, key)
        here = kept(name)
        whose = [weights.publisher for weights in one.weights if weights.file.urls]
        whose += [publisher for publisher in here if publisher not in whose]
        said = ", ".join(f"{publisher} (here)" if publisher in here else publisher for publisher in whose)
        about = f"{one.parameters_about} million" if one.parameters_about else ""
        count = f"{one.parameters:,}" if one.parameters else about
        rows.append([f"  {name}", count, shapes(one), (said, "green" if here else "dim")])
    screen.table(("", "parameters", "input", "weights"), rows, right=(1,))


def _facts(card: "ModelCard", key: str) -> dict[str, object]:
    one, name = card.sizes[key], _full(card.name, key)
    here = kept(name)
    return {
        "name": name,
        "family": card.name,
        "title": card.title,
        "paper": card.paper,
        "link": card.link,
        "domain": card.domain,
        "inputs": [list(given.shape) for given in one.inputs],
        "output": None if one.outputs else list(one.output),
        "outputs": {name: None if shape is None else list(shape) for name, shape in one.outputs.items()},
        "parameters": one.parameters,
        "parameters_about": one.parameters_about,
        "counted_by": one.counted_by,
        "here": here,
        "weights": [
            {
                "publisher": weights.publisher,
                "file": weights.file.name,
                "sha256": weights.file.sha256,
                "urls": list(weights.file.urls),
                "fetchable": bool(weights.file.urls),
                "bytes": weights.file.size or None,
                "licence": weights.licence,
                "metrics": weights.metrics,
                "note": weights.note,
            }
            for weights in one.weights
        ],
    }


def _full(family: str, key: str) -> str:
    return f"{family}-{key}" if key.startswith("toy") else key
