"""`upslope predict`: what a trained network says about pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.completion import run_names
from upslope.cli.exits import Exit
from upslope.cli.options import AsJson, Debug
from upslope.cli.screen import Piece, Screen, clean
from upslope.cli.sentences import Usage
from upslope.cli.words import plural

if TYPE_CHECKING:
    from upslope.ship.predict import Answer, Unread

_OURS = "upslope predict"  # in a figure, so that it is known again
_WIDTH = 24  # characters of a full bar


def predict(
    network: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A run, a lab for its newest, or an exported file.", autocompletion=run_names
        ),
    ],
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="Pictures, or folders of them.")],
    top: Annotated[int, typer.Option("--top", metavar="N", help="How many classes to name.")] = 3,
    show: Annotated[
        Path | None, typer.Option("--show", metavar="FILE.png", help="Draw what the network saw beside the pictures.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Say what pictures show, with probabilities."""
    from upslope.image.read import SUFFIXES
    from upslope.ship.load import load
    from upslope.ship.predict import DRAWN, Answer, answers

    screen = Screen()
    if Path(network).suffix.lower() in SUFFIXES and Path(network).is_file():
        raise Usage(f"{network} is a picture, and the network comes before the pictures: upslope predict RUN {network}")
    if top < 1:
        raise Usage(f"--top is at least 1, not {top}")
    if show is not None and show.suffix.lower() != ".png":
        raise Usage(f"--show writes a PNG picture, and {show} does not end in .png")
    if show is not None and not _may_be_drawn(show):
        raise Usage(f"{show} is there already, and not drawn by upslope predict: --show names another file")
    reader = load(network)
    screen.line((reader.name, "bold"), f", trained on {reader.learned_from}")
    if reader.warning:
        screen.prose(f"{reader.warning}.", style="yellow")
    screen.gap()
    done: list[Answer] = []
    lost: list[Unread] = []
    for found in answers(reader, pictures):
        if isinstance(found, Answer):
            done.append(found)
            _say(screen, found, top)
        else:
            lost.append(found)
            typer.echo(f"  {clean(found.reason)}", err=True)
    if show is not None and done:
        _draw(done, show)
        screen.line("What it saw  ", str(show), f"   (the first {DRAWN} of {len(done)})" if len(done) > DRAWN else "")
    screen.give(
        {
            "network": reader.name,
            "warning": reader.warning or None,
            "answers": [_facts(answer, top) for answer in done],
            "unread": [{"path": str(one.path), "reason": one.reason} for one in lost],
            "picture": str(show) if show is not None and done else None,
        }
    )
    if lost and done:
        screen.prose(f"{plural(len(lost), 'picture')} could not be read, {len(done)} could.", style="yellow")
    return Exit.MISSING if lost else Exit.DONE


def _say(screen: Screen, answer: "Answer", top: int) -> None:
    """One picture: its name, and a bar for each of the first classes."""
    if screen.quiet:
        return
    screen.line((str(answer.path), "bold"))
    rows: list[list[Piece]] = []
    for number, (name, share) in enumerate(zip(answer.classes[:top], answer.probabilities[:top], strict=True)):
        style = "bold green" if number == 0 and not answer.doubt else ""
        bar = "━" * max(round(_WIDTH * share), 1 if share >= 0.005 else 0)
        rows.append([(name, style), f"{100 * share:.1f} %", (bar, style or "dim")])
    screen.table(("", "", ""), rows, right=(1,))
    if answer.doubt:
        screen.prose(f"{answer.doubt[:1].upper()}{answer.doubt[1:]}.", style="yellow")
    screen.gap()


def _facts(answer: "Answer", top: int) -> dict[str, object]:
    return {
        "path": str(answer.path),
        "answer": answer.classes[0],
        "probabilities": dict(zip(answer.classes[:top], answer.probabilities[:top], strict=True)),
        "doubt": answer.doubt or None,
    }


def _draw(done: "list[Answer]", path: Path) -> None:
    from io import BytesIO

    from upslope.runs.files import write_atomically
    from upslope.ship.predict import draw

    drawn = BytesIO()
    draw(done).savefig(drawn, format="png", dpi=130, metadata={"Software": _OURS})
    write_atomically(path, drawn.getvalue())


def _may_be_drawn(path: Path) -> bool:
    """Whether nothing would be lost there: no file, or an earlier figure. It may be a photograph, meant to be read."""
    from PIL import Image

    if not path.exists():
        return True
    try:
        with Image.open(path, formats=["PNG"]) as image:
            return image.info.get("Software") == _OURS
    except Exception:
        return False
