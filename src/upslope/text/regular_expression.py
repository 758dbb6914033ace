"""Regular expressions as trees: what a pattern says, read by a recursive-descent parser.

The subset that describes a regular language, in the usual notation: characters, `.`, classes `[a-z]` and `[^"]`,
`\\d \\w \\s` and their opposites (ASCII), `\\n \\t \\xHH \\uHHHH`, groups, `|`, `* + ? {n} {n,} {n,m}`. A pattern
describes a whole text, so `^` at its beginning and `$` at its end say nothing more. Left out: look-around and
references to groups, which no automaton of this kind follows, and `^` and `$` elsewhere.
"""

from dataclasses import dataclass
from typing import NoReturn

LAST = 0x10FFFF  # the last code point
MOST_REPEATS = 1000
DEEPEST = 100  # groups within groups


class BadPattern(ValueError):
    """A pattern that cannot be read; the message says what and where."""


@dataclass(frozen=True)
class Characters:
    """One character out of ranges of code points, both ends included, in order and apart."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Sequence:
    """One after the other; of none the empty text."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True)
class Choice:
    """One of several."""

    options: "tuple[Node, ...]"


@dataclass(frozen=True)
class Repeat:
    """The same `least` to `most` times; None: without end."""

    inner: "Node"
    least: int
    most: int | None


Node = Characters | Sequence | Choice | Repeat

DIGIT = ((0x30, 0x39),)
WORD = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACE = ((0x09, 0x0D), (0x20, 0x20))
CLASSES = {"d": DIGIT, "w": WORD, "s": SPACE}
CONTROLS = {"n": 0x0A, "r": 0x0D, "t": 0x09, "f": 0x0C, "v": 0x0B, "0": 0x00}
SPECIAL = frozenset("\\.[]{}()*+?|^$")


def parse(pattern: str) -> Node:
    """The tree of a pattern; BadPattern where it cannot be read."""
    return _Parser(pattern).whole()


def escape(text: str) -> str:
    """The pattern of exactly this text."""
    return "".join(f"\\{letter}" if letter in SPECIAL else letter for letter in text)


def united(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ranges in order, those that touch made one."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def opposite(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """All other characters."""
    found, start = [], 0
    for low, high in ranges:
        if start < low:
            found.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        found.append((start, LAST))
    return tuple(found)


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.text, self.place, self.depth = pattern, 0, 0

    def whole(self) -> Node:
        self._take("^")
        node = self._choice()
        if self.place < len(self.text):
            self._refuse("a ) without its (")
        return node

    def _choice(self) -> Node:
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self.place < len(self.text) and self.text[self.place] not in "|)":
            if self.text[self.place] == "$" and self.place == len(self.text) - 1:
                self.place += 1
                break
            parts.append(self._repeated())
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _repeated(self) -> Node:
        node = self._one()
        while self.place < len(self.text) and self.text[self.place] in "*+?{":
            letter = self.text[self.place]
            bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(letter) or self._counted()
            if letter != "{":
                self.place += 1
            least, most = bounds
            node = Repeat(node, least, most)
            self._take("?")  # lazy or not, the texts that match as a whole are the same
        return node

    def _counted(self) -> tuple[int, int | None]:
        end = self.text.find("}", self.place)
        said = self.text[self.place + 1 : end if end > 0 else len(self.text)]
        low, comma, high = said.partition(",")
        if end < 0 or not low.isdecimal() or (high and not high.isdecimal()):
            self._refuse("a { that is no {n}, {n,} or {n,m} (a brace itself is written \\{)")
        least = int(low[:9])
        most = least if not comma else int(high[:9]) if high else None
        if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
            self._refuse(f"{{{said}}}: counts go up to {MOST_REPEATS}, the smaller one first")
        self.place = end + 1
        return least, most

    def _one(self) -> Node:
        letter = self.text[self.place]
        self.place += 1
        match letter:
            case "(":
                return self._group()
            case "[":
                return self._class()
            case ".":
                return Characters(opposite(((0x0A, 0x0A),)))
            case "\\":
                return Characters(self._escaped())
            case "*" | "+" | "?" | "{":
                self.place -= 1
                self._refuse(f"nothing that {letter} could repeat")
            case "^" | "$":
                self.place -= 1
                self._refuse(f"{letter} within a pattern, which always describes a whole text")
        return Characters(((ord(letter), ord(letter)),))

    def _group(self) -> Node:
        if self._take("?") and not self._take(":"):
            self._refuse("a group that begins with (?, of which only (?: is known")
        self.depth += 1
        if self.depth > DEEPEST:
            self._refuse(f"more than {DEEPEST} groups within each other")
        node = self._choice()
        self.depth -= 1
        if not self._take(")"):
            self._refuse("a ( without its )")
        return node

    def _escaped(self) -> tuple[tuple[int, int], ...]:
        if self.place >= len(self.text):
            self._refuse("a \\ with nothing behind it")
        letter = self.text[self.place]
        self.place += 1
        if letter.lower() in CLASSES:
            ranges = CLASSES[letter.lower()]
            return ranges if letter.islower() else opposite(ranges)
        if letter in CONTROLS:
            code = CONTROLS[letter]
        elif letter in "xu":
            width = 2 if letter == "x" else 4
            digits = self.text[self.place : self.place + width]
            try:
                code = int(digits, 16) if len(digits) == width else -1
            except ValueError:
                code = -1
            if code < 0 or not digits.isalnum():
                self._refuse(f"\\{letter} without its {width} hexadecimal digits")
            self.place += width
        elif letter.isalnum():
            self._refuse(f"\\{letter}, which is not known here")
        else:
            code = ord(letter)
        return ((code, code),)

    def _class(self) -> Node:
        negated, ranges, first = self._take("^"), list[tuple[int, int]](), True
        while True:
            if self.place >= len(self.text):
                self._refuse("a [ without its ]")
            if self.text[self.place] == "]" and not first:
                self.place += 1
                break
            first = False
            low = self._member()
            if self.text[self.place : self.place + 1] == "-" and self.text[self.place + 1 : self.place + 2] != "]":
                self.place += 1
                if self.place >= len(self.text):
                    self._refuse("a [ without its ]")
                high = self._member()
                if len(low) != 1 or len(high) != 1 or low[0][0] != low[0][1] or high[0][0] != high[0][1]:
                    self._refuse("a range with a class for an end")
                if high[0][0] < low[0][0]:
                    self._refuse("a range whose end is before its beginning")
                ranges.append((low[0][0], high[0][0]))
            else:
                ranges += low
        found = united(ranges)
        return Characters(opposite(found) if negated else found)

    def _member(self) -> tuple[tuple[int, int], ...]:
        letter = self.text[self.place]
        self.place += 1
        return self._escaped() if letter == "\\" else ((ord(letter), ord(letter)),)

    def _take(self, letter: str) -> bool:
        found = self.text.startswith(letter, self.place)
        self.place += found
        return found

    def _refuse(self, what: str) -> NoReturn:
        shown = self.text if len(self.text) <= 60 else f"{self.text[:60]}..."
        raise BadPattern(f"the pattern {shown!r} has, at character {self.place + 1}, {what}")
