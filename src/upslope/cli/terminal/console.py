"""Output for a person: a margin of two columns, the verdict first, readable in 80 columns and without colour.

Everything that verbs print goes through here. With --json only the one object that `give` receives is printed. Control
characters are removed from learners' text before it reaches the terminal.
"""

import sys
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from upslope.cli.terminal.errors import OutputClosed
from upslope.cli.terminal.options import asked

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

INDENT = "  "
WIDEST = 96  # lines longer than this are hard to read, however wide the terminal is

Piece = str | tuple[str, str]  # text, or text and style


class Screen:
    """Where one verb writes."""

    @property
    def quiet(self) -> bool:
        """Whether a program listens, which wants JSON and nothing else."""
        return asked.json

    @cached_property
    def console(self) -> "Console":
        """Rich's console on stdout, which knows about NO_COLOR, dumb terminals and width."""
        return _console()

    @property
    def width(self) -> int:
        """Columns to write in."""
        return min(self.console.width, WIDEST)

    def give(self, value: dict[str, Any]) -> None:
        """The answer for a program: one line of JSON. For a person: nothing."""
        if self.quiet:
            import json

            try:
                print(json.dumps(value, allow_nan=False), flush=True)
            except BrokenPipeError:
                raise OutputClosed from None

    def line(self, *pieces: Piece, indent: int = 2) -> None:
        """One line as it is; it may be longer than the screen, because paths and commands are copied whole."""
        self.show(_text(((" " * indent), *pieces)))

    def gap(self) -> None:
        """An empty line."""
        self.show("")

    def ends(self, left: Sequence[Piece], right: str) -> None:
        """A line with something at its left and its right end."""
        text = _text((INDENT, *left))
        room = self.width - text.cell_len - len(right)
        text.append(" " * max(2, room) + right, style="dim")
        self.show(text)

    def prose(self, text: str, *, indent: int = 2, style: str = "") -> None:
        """Sentences, wrapped between words; words (paths, commands) are never broken."""
        margin = " " * indent
        for paragraph in text.split("\n"):
            lines = wrapped(paragraph, self.width - indent)
            for line in lines or [""]:
                self.show(_text((margin, (line, style))) if line else "")

    def docstring(self, text: str) -> None:
        """A specification: lines that their author broke for width are joined and wrapped anew, all others stand."""
        joined: list[str] = []
        for line in text.split("\n"):
            before = joined[-1] if joined else ""
            if len(before) > 90 and line.strip() and not before.endswith((".", ":")):
                joined[-1] = f"{before} {line.strip()}"
            else:
                joined.append(line)
        for line in joined:
            self.prose(line.strip(), indent=4 + len(line) - len(line.lstrip()))

    def block(self, text: str, *, indent: int = 4, style: str = "") -> None:
        """Lines as they are (code, counterexamples); what does not fit goes on below, further in."""
        import textwrap

        margin = " " * indent
        for raw in clean(text).split("\n"):
            inner = margin + " " * (len(raw) - len(raw.lstrip()))
            for line in textwrap.wrap(
                raw,
                self.width,
                initial_indent=margin,
                subsequent_indent=inner + INDENT,
                drop_whitespace=False,
                break_on_hyphens=False,
            ) or [""]:
                self.show(_text(((line.rstrip(), style),)))

    def command(self, words: str, note: str = "") -> None:
        """A command to type next; a note that does not fit beside it goes below it."""
        beside = f"{INDENT}{words}      {note}"
        if note and len(beside) > self.width:
            self.line((words, "bold cyan"))
            self.prose(note, indent=6, style="dim")
        else:
            self.line((words, "bold cyan"), (f"      {note}" if note else "", "dim"))

    def commands(self, rows: Sequence[tuple[str, str]]) -> None:
        """Commands to choose from, with what they are for."""
        column = max(len(words) for words, _ in rows) + 4
        for words, note in rows:
            self.line((f"{words:<{column}}", "bold cyan"), (note, "dim"))

    def pairs(self, rows: Iterable[tuple[str, str]], *, indent: int = 2) -> None:
        """A word and what it means, in two columns; the right one wraps."""
        rows = list(rows)
        column = max((len(name) for name, _ in rows), default=0) + 2
        for name, meaning in rows:
            room = self.width - indent - column
            lines = wrapped(meaning, room) or [""]
            for number, part in enumerate(lines):
                word = name if number == 0 else ""
                self.line((f"{word:<{column}}", "dim"), part, indent=indent)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Piece]], *, right: Sequence[int] = ()) -> None:
        """A table without lines. Cells wrap where it is too wide; `right` names the columns of numbers."""
        cells = [[(cell, "") if isinstance(cell, str) else cell for cell in row] for row in rows]
        if any(columns):
            cells.insert(0, [(name, "dim") for name in columns])
        widths = _fit([max((len(row[k][0]) for row in cells), default=0) for k in range(len(columns))], self.width - 2)
        for row in cells:
            last = len(row) - 1  # where a path may stick out and still be copied whole
            parts = [
                wrapped(text, width, split=k < last) or [""]
                for k, ((text, _), width) in enumerate(zip(row, widths, strict=True))
            ]
            for number in range(max(map(len, parts))):
                pieces: list[Piece] = []
                for k, (lines, width) in enumerate(zip(parts, widths, strict=True)):
                    text = lines[number] if number < len(lines) else ""
                    text = f"{text:>{width}}" if k in right else f"{text:<{width}}"
                    pieces += [(text if k < len(parts) - 1 else text.rstrip(), row[k][1]), "  " if width else ""]
                self.line(*pieces[:-1])

    def markdown(self, text: str) -> None:
        """Markdown set for the terminal."""
        from rich.markdown import Markdown
        from rich.text import Text

        setting = self.console.options.update(width=self.width - 4)
        empty = True  # an empty line is due, but never two, and none at the top
        for segments in self.console.render_lines(
            Markdown(text, code_theme="ansi_dark", hyperlinks=False), setting, pad=False
        ):
            line = Text.assemble(*((segment.text, segment.style or "") for segment in segments))
            line.rstrip()
            if line.plain or not empty:
                self.show(_text((INDENT,)).append_text(line) if line.plain else "")
            empty = not line.plain

    def code(self, text: str) -> None:
        """Python with its colours where there are any."""
        from rich.syntax import Syntax

        for line in Syntax(text, "python", theme="ansi_dark", background_color="default").highlight(text).split("\n"):
            self.show(_text(("    ",)).append_text(line) if line.plain else "")

    def show(self, line: "Text | str") -> None:
        """Print one line as it is."""
        if not self.quiet:
            if not isinstance(line, str):
                line.rstrip()
            self.console.print(line, soft_wrap=True)

    def mark(self, passed: bool) -> Piece:
        """The sign before a verdict, in characters that this stream can carry."""
        good, bad = ("✓", "✗") if can_say("✓✗") else ("+", "x")
        return (good, "bold green") if passed else (bad, "bold red")


def _fit(widths: list[int], room: int) -> list[int]:
    """Narrow the widest columns until all of them and the gaps between them have room."""
    widths = list(widths)
    while sum(widths) + 2 * (sum(1 for w in widths if w) - 1) > room and max(widths) > 8:
        widths[widths.index(max(widths))] -= 1
    return widths


def wrapped(text: str, width: int, *, split: bool = False) -> list[str]:
    """Lines broken between words; a word that is longer than the screen is left whole, unless `split`."""
    import textwrap

    return textwrap.wrap(clean(text), max(1, width), break_long_words=split, break_on_hyphens=False)


def can_say(text: str) -> bool:
    """Whether stdout's encoding has these characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def clean(text: str) -> str:
    """Text without control characters: an answer's output must not move the cursor or colour the screen."""
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text).expandtabs(4)


def _text(pieces: Iterable[Piece]) -> "Text":
    from rich.text import Text

    return Text.assemble(*((clean(p), "") if isinstance(p, str) else (clean(p[0]), p[1]) for p in pieces))


def _console() -> "Console":
    from rich.console import Console

    class Ours(Console):
        def on_broken_pipe(self) -> None:
            raise OutputClosed

    return Ours(file=sys.stdout, highlight=False, markup=False, emoji=False)
