"""`upslope embed`: texts as vectors, and how alike they are."""

import sys
from typing import Annotated

import typer

from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug

MOST = 10_000_000  # bytes of standard input


def embed(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]...", help="The texts; - reads one a line from standard input.")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Say how alike the meanings of texts are; with --json as vectors, too."""
    from upslope.ship.language.embeddings import load

    screen = Screen()
    given = [line for text in texts or [] for line in (_lines() if text == "-" else [text])]
    if not given:
        raise UsageError('upslope embed takes texts: upslope embed "A cat sleeps." "A kitten naps." "It rains."')
    embedder = load(quiet=screen.quiet)
    vectors = embedder(given)
    alike = vectors @ vectors.T
    screen.give(
        {
            "model": embedder.name,
            "texts": given,
            "embeddings": [[float(f"{number:.8g}") for number in row] for row in vectors.tolist()],
            "similarities": [[round(number, 4) for number in row] for row in alike.tolist()],
        }
    )
    if screen.quiet:
        return Exit.DONE
    if len(given) == 1:
        screen.line(f"{vectors.shape[1]} numbers, of length 1:  ", " ".join(f"{n:.3f}" for n in vectors[0, :6]), " ...")
        screen.prose("With a second text it says how alike the two are; --json prints all numbers.", style="dim")
        return Exit.DONE
    for number, text in enumerate(given):
        screen.line((text, "bold"))
        others = sorted((other for other in range(len(given)) if other != number), key=lambda o: -alike[number, o])
        rows: list[list[Piece]] = [[f"{alike[number, other]:.2f}", given[other]] for other in others[:5]]
        screen.table(("", ""), rows)
        screen.gap()
    screen.prose("1 is the same meaning, 0 none in common.", style="dim")
    return Exit.DONE


def _lines() -> list[str]:
    try:
        content = sys.stdin.buffer.read(MOST + 1)
        if len(content) > MOST:
            raise UsageError(f"standard input holds more than {MOST:,} bytes: embed it in parts")
        return [line for line in content.decode().splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise UsageError("standard input is not UTF-8 text") from None
