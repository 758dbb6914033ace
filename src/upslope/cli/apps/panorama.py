"""`upslope app panorama`: photographs that overlap, joined into one picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.terminal.console import Screen, clean
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import listed
from upslope.cli.terminal.options import AsJson, Debug
from upslope.cli.terminal.own_pictures import may_be_written

if TYPE_CHECKING:
    from upslope.image.read import Picture

_OURS = "upslope app panorama"  # in the file, so that it is known again
MOST = 40  # pictures


def panorama(
    pictures: Annotated[
        list[Path] | None, typer.Argument(metavar="PICTURES...", help="Photographs in any order, or their folder.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The PNG picture that is written.")] = Path(
        "panorama.png"
    ),
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Join photographs that overlap: order found, exposure evened out, blended."""
    from upslope.apps.panorama import panorama as join
    from upslope.runs.workspace import short

    screen = Screen()
    paths = _paths(pictures or [])
    if out.suffix.lower() != ".png":
        raise UsageError(f"--out writes a PNG picture, and {out} does not end in .png")
    if not may_be_written(out, by=_OURS):
        raise UsageError(f"{out} exists already and was not made by {_OURS}: name another file with --out")
    read, lost = _read(paths)
    for reason in lost.values():
        typer.echo(f"  {clean(reason)}", err=True)
    made = join([picture for _, picture in read], [path.name for path, _ in read])
    _write(made.picture, out)
    names = [path.name for path, _ in read]
    screen.line("Order  ", listed([names[number] for number in made.order]))
    for first, second, agree in made.joined:
        screen.line(f"{names[first]} and {names[second]}: {agree} matches agree")
    height, width = made.picture.shape[:2]
    screen.line(("Written  ", "bold"), f"{short(out)}, {width} x {height} pixels")
    screen.give(
        {
            "picture": str(out),
            "width": width,
            "height": height,
            "order": [str(read[number][0]) for number in made.order],
            "joined": [
                {"pictures": [str(read[first][0]), str(read[second][0])], "matches": agree}
                for first, second, agree in made.joined
            ],
            "gains": [round(gain, 4) for gain in made.gains],
            "unread": [{"path": str(path), "reason": reason} for path, reason in lost.items()],
        }
    )
    return Exit.MISSING if lost else Exit.DONE


def _paths(given: list[Path]) -> list[Path]:
    from upslope.image.read import pictures_in

    paths = [path for each in given for path in (pictures_in(each) if each.is_dir() else [each])]
    if len(paths) < 2:
        raise UsageError("a panorama is made of at least two pictures: upslope app panorama left.jpg right.jpg")
    if len(paths) > MOST:
        raise UsageError(f"a panorama is made of at most {MOST} pictures, and these are {len(paths)}: join some first")
    return paths


def _read(paths: list[Path]) -> "tuple[list[tuple[Path, Picture]], dict[Path, str]]":
    """The pictures, and why others could not be read; where fewer than two are left the first reason is the error."""
    from upslope.image.read import UnreadablePicture, read_picture

    read, lost = [], {}
    for path in paths:
        try:
            read.append((path, read_picture(path)))
        except UnreadablePicture as problem:
            lost[path] = str(problem)
            if len(paths) - len(lost) < 2:
                raise
    return read, lost


def _write(picture: "Picture", path: Path) -> None:
    from io import BytesIO

    import numpy as np
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    from upslope.runs.files import write_atomically

    note, file = PngInfo(), BytesIO()
    note.add_text("Software", _OURS)
    Image.fromarray(np.rint(255 * picture).astype(np.uint8)).save(file, format="png", pnginfo=note)
    write_atomically(path, file.getvalue())
