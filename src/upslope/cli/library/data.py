"""`upslope data`: which data sets there are, fetching one, and a look at it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from upslope.cli.terminal.completion import data_names
from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import size
from upslope.cli.terminal.group import Verbs
from upslope.cli.terminal.options import AsJson, Debug
from upslope.spelling import did_you_mean

if TYPE_CHECKING:
    from upslope.cards import DataCard, Found

Name = Annotated[str, typer.Argument(help="A data set.", autocompletion=data_names)]

data = typer.Typer(cls=Verbs, rich_markup_mode=None, invoke_without_command=True, help="List, fetch and see data sets.")


@data.callback()
def without_verb(context: typer.Context, as_json: AsJson = False, debug: Debug = False) -> int | None:
    """List, fetch and see data sets."""
    return listing() if context.invoked_subcommand is None else None


@data.command("list")
def listing(as_json: AsJson = False, debug: Debug = False) -> int:
    """List the data sets: here or not, splits, size, licence."""
    from upslope.cards import discover
    from upslope.data.loading.fetch import have
    from upslope.runs.workspace import data_folder, short

    screen = Screen()
    cards = {name: cast("DataCard", found.card) for name, found in discover("data").items()}
    here = {name: have(card) for name, card in cards.items()}
    screen.give({"folder": str(data_folder()), "data": [{**_facts(c), "here": here[n]} for n, c in cards.items()]})
    if screen.quiet:
        return Exit.DONE
    rows: list[list[Piece]] = []
    for name, card in cards.items():
        splits = ", ".join(f"{split} {count:,}" for split, count in card.splits.items())
        there: Piece = ("here", "green") if here[name] else (size(sum(f.size for f in card.files)), "dim")
        rows.append([(name, "bold"), splits, there, (card.licence, "dim")])
    screen.table(("data set", "samples", "", "licence"), rows)
    screen.gap()
    screen.prose(
        f"Fetched sets are in {short(data_folder())}; UPSLOPE_MIRROR names a folder to take them from.", style="dim"
    )
    missing = next((name for name in cards if not here[name]), None)
    screen.command(f"upslope data get {missing}" if missing else f"upslope data show {next(iter(cards), 'NAME')}")
    return Exit.DONE


@data.command("get")
def fetch(name: Name, as_json: AsJson = False, debug: Debug = False) -> int:
    """Fetch a data set, and check every file of it."""
    from upslope.data.loading.fetch import get
    from upslope.runs.workspace import short

    screen = Screen()
    card = _card(find(name))
    if not card.files:
        screen.give({**_facts(card), "here": True, "folder": None})
        screen.line(f"{card.name} comes with {card.carried_by}: it is here already.")
        return Exit.DONE
    folder = get(card, quiet=screen.quiet)
    screen.give({**_facts(card), "here": True, "folder": str(folder)})
    screen.line(f"{card.name} is here, each file with the right sha256:  ", short(folder))
    screen.prose(f"Licence: {card.licence}.", style="dim")
    return Exit.DONE


@data.command("show")
def show(
    name: Name,
    split: Annotated[str, typer.Option("--split", help="Which part.")] = "train",
    seed: Annotated[int, typer.Option("--seed", min=0, help="Which samples.")] = 0,
    toy: Annotated[bool, typer.Option("--toy", help="A generated toy version, which needs no data.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Where to write the picture.")] = None,
    wav: Annotated[Path | None, typer.Option("--wav", help="For sounds: write the first one that is drawn.")] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Show what a data set is, and draw some of it."""
    from upslope.data.loading.preview import save, sound
    from upslope.features import Audio
    from upslope.runs.files import write_atomically
    from upslope.runs.workspace import home, short

    screen = Screen()
    found = find(name)
    card = _card(found)
    if split not in card.splits:
        near = did_you_mean(split, list(card.splits))
        raise UsageError(f'{name} has no split "{split}"{near} (it has {", ".join(card.splits)})')
    if wav is not None and card.of(Audio) is None:
        raise UsageError(f"--wav writes a sound, and {name} holds none")
    if wav is not None and wav.suffix.lower() != ".wav":
        raise UsageError(f"--wav writes a WAV file, and {wav} does not end in .wav")
    kind = "toy" if toy else split
    path = (out or home() / "pictures" / f"{name}-{kind}-{seed}.png").expanduser().absolute()
    save(found, path, split=split, toy=toy, seed=seed)
    heard = sound(found, split=split, toy=toy, seed=seed) if wav is not None else None
    if wav is not None and heard is not None:
        write_atomically(wav, heard[0])
    screen.give({**_facts(card), "picture": str(path), "split": kind, "wav": str(wav) if wav else None})
    if screen.quiet:
        return Exit.DONE
    screen.line((card.title, "bold"))
    if card.note:
        screen.prose(card.note, style="dim")
    screen.gap()
    screen.pairs(
        [
            ("samples", ", ".join(f"{s} {count:,}" for s, count in card.splits.items())),
            *((name, feature.describe()) for name, feature in card.features.items()),
            ("licence", card.licence),
            ("from", f"carried by {card.carried_by}" if card.carried_by else card.homepage),
            ("cite", card.citation),
        ]
    )
    screen.gap()
    screen.line("Picture  ", short(path))
    if wav is not None and heard is not None:
        screen.line("Sound    ", f"{short(wav)} ({heard[1]})")
    elif card.of(Audio) is not None:
        screen.command(f"upslope data show {name} --wav {name}.wav")
    return Exit.DONE


def find(name: str) -> "Found":
    """The data set of this name, or the nearest one as a suggestion."""
    from upslope.cards import discover

    known = discover("data")
    if name not in known:
        raise UsageError(f'there is no data set "{name}"{did_you_mean(name, list(known))} (upslope data list)')
    return known[name]


def _card(found: "Found") -> "DataCard":
    return cast("DataCard", found.card)


def _facts(card: "DataCard") -> dict[str, object]:
    from dataclasses import asdict

    return {
        "name": card.name,
        "title": card.title,
        "licence": card.licence,
        "homepage": card.homepage,
        "citation": card.citation,
        "features": {name: {"kind": type(each).__name__, **asdict(each)} for name, each in card.features.items()},
        "splits": card.splits,
        "bytes": sum(file.size for file in card.files),
        "carried_by": card.carried_by,
        "note": card.note,
    }
