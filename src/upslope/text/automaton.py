"""A regular expression as a deterministic automaton over the bytes of UTF-8.

K. Thompson, "Regular Expression Search Algorithm", 1968 (from the tree to an automaton that may be in several states at
once); M. Rabin, D. Scott, "Finite Automata and Their Decision Problems", 1959 (from that to one that is in one state).

- Over bytes, not characters: a token of a language model may end in the middle of a character, and the automaton then
  stands in the middle of it, too.
- A state from which no text can be completed is dead, and all dead states are state 0. So every living state has a way
  to the end.
- The transitions are one table of integers: many tokens are followed at once with NumPy (token_mask.py).
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from upslope.text.regular_expression import BadPattern, Characters, Choice, Node, Repeat, Sequence, parse

DEAD, START = 0, 1
MOST_STATES = 10_000
MOST_PARTS = 100_000  # states of the automaton that may be in several at once


class Automaton:
    """States with a table of transitions: (states, 256). State 0 is dead, state 1 the beginning."""

    def __init__(self, table: NDArray[np.int32], accepting: NDArray[np.bool_]) -> None:
        self.table, self.accepting = table, accepting
        self.final = accepting & (table == DEAD).all(axis=1)  # nothing can follow

    def step(self, state: int, text: bytes) -> int:
        """The state after some bytes more."""
        for byte in text:
            state = int(self.table[state, byte])
        return state

    def matches(self, text: str) -> bool:
        """Whether the pattern describes the whole text."""
        return bool(self.accepting[self.step(START, text.encode("utf-8", "surrogatepass"))])


@lru_cache(maxsize=64)
def automaton(pattern: str) -> Automaton:
    """The automaton of a pattern. BadPattern where it cannot be read, is too large, or describes no text."""
    try:
        parts = _Parts()
        last = parts.add(parse(pattern), parts.state())
    except RecursionError:
        raise BadPattern(f"the pattern {pattern[:60]!r} has too many parts within each other") from None
    return _deterministic(parts, last, pattern)


def utf8_ranges(low: int, high: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """The characters of a range as sequences of ranges of bytes; halves of characters have no UTF-8 and are left out.

    The range is cut where the number of bytes changes, and then until all bytes but the first run through whole ranges.
    """
    if low > high:
        return
    if low <= 0xDFFF and high >= 0xD800:
        yield from utf8_ranges(low, 0xD7FF)
        yield from utf8_ranges(0xE000, high)
        return
    for limit in (0x7F, 0x7FF, 0xFFFF):
        if low <= limit < high:
            yield from utf8_ranges(low, limit)
            yield from utf8_ranges(limit + 1, high)
            return
    for count in range(1, len(chr(high).encode())):
        rest = (1 << 6 * count) - 1
        if low & ~rest != high & ~rest:
            if low & rest:
                yield from utf8_ranges(low, low | rest)
                yield from utf8_ranges((low | rest) + 1, high)
                return
            if high & rest != rest:
                yield from utf8_ranges(low, (high & ~rest) - 1)
                yield from utf8_ranges(high & ~rest, high)
                return
    yield tuple(zip(chr(low).encode(), chr(high).encode(), strict=True))


class _Parts:
    """Thompson's automaton: from a state lead edges over ranges of bytes, and others over nothing."""

    def __init__(self) -> None:
        self.edges: list[list[tuple[int, int, int]]] = []
        self.free: list[list[int]] = []

    def state(self) -> int:
        if len(self.edges) >= MOST_PARTS:
            raise BadPattern(f"the pattern is too large: its automaton has more than {MOST_PARTS:,} parts")
        self.edges.append([])
        self.free.append([])
        return len(self.edges) - 1

    def add(self, node: Node, start: int) -> int:
        """Build a node behind a state; the state behind it."""
        match node:
            case Characters(ranges):
                end = self.state()
                for low, high in ranges:
                    for bytes_ in utf8_ranges(low, high):
                        place = start
                        for number, (first, last) in enumerate(bytes_):
                            after = end if number == len(bytes_) - 1 else self.state()
                            self.edges[place].append((first, last, after))
                            place = after
                return end
            case Sequence(parts):
                for part in parts:
                    start = self.add(part, start)
                return start
            case Choice(options):
                end = self.state()
                for option in options:
                    begin = self.state()
                    self.free[start].append(begin)
                    self.free[self.add(option, begin)].append(end)
                return end
            case Repeat(inner, least, most):
                for _ in range(least):
                    start = self.add(inner, start)
                end = self.state()
                self.free[start].append(end)
                if most is None:
                    begin = self.state()
                    self.free[start].append(begin)
                    self.free[self.add(inner, begin)].extend((begin, end))
                else:
                    for _ in range(most - least):
                        begin = self.state()  # of its own: an edge back into `start` may come from elsewhere
                        self.free[start].append(begin)
                        start = self.add(inner, begin)
                        self.free[start].append(end)
                return end

    def closed(self, states: frozenset[int]) -> frozenset[int]:
        """With all states that are reached over nothing."""
        found, waiting = set(states), list(states)
        while waiting:
            for after in self.free[waiting.pop()]:
                if after not in found:
                    found.add(after)
                    waiting.append(after)
        return frozenset(found)


def _deterministic(parts: _Parts, last: int, pattern: str) -> Automaton:
    """Each set of states in which the automaton may be at once becomes one state."""
    # Bytes that no edge tells apart are one column while the sets are made.
    edges = [edge for edges in parts.edges for edge in edges]
    borders = sorted({0, 256, *(low for low, _, _ in edges), *(high + 1 for _, high, _ in edges)})
    column = {border: number for number, border in enumerate(borders)}
    first = parts.closed(frozenset({0}))
    numbers: dict[frozenset[int], int] = {first: START}
    rows: dict[int, dict[int, int]] = {START: {}}
    waiting = [first]
    known: dict[frozenset[int], frozenset[int]] = {}
    while waiting:
        states = waiting.pop()
        reached: dict[int, set[int]] = {}
        for state in states:
            for low, high, after in parts.edges[state]:
                for number in range(column[low], column[high + 1]):
                    reached.setdefault(number, set()).add(after)
        row = rows[numbers[states]]
        for number, raw in reached.items():
            bare = frozenset(raw)
            if bare not in known:
                known[bare] = parts.closed(bare)
            target = known[bare]
            if target not in numbers:
                if len(numbers) >= MOST_STATES:
                    raise BadPattern(f"the pattern {pattern[:60]!r} needs more than {MOST_STATES:,} states")
                numbers[target] = len(numbers) + 1
                rows[numbers[target]] = {}
                waiting.append(target)
            row[number] = numbers[target]
    classes = np.zeros((len(numbers) + 1, max(1, len(borders) - 1)), dtype=np.int32)
    for state, row in rows.items():
        classes[state, list(row)] = list(row.values())
    accepting = np.zeros(len(classes), dtype=bool)
    accepting[[number for states, number in numbers.items() if last in states]] = True
    alive = _alive(classes, accepting)
    if not alive[START]:
        raise BadPattern(f"the pattern {pattern[:60]!r} describes no text at all")
    classes = np.where(alive[classes], classes, DEAD).astype(np.int32)
    return Automaton(np.repeat(classes, np.diff(borders), axis=1), accepting)


def _alive(classes: NDArray[np.int32], accepting: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which states have a way to the end, found from the end backwards."""
    before: dict[int, set[int]] = {}
    for state, row in enumerate(classes):
        for after in np.unique(row[row != DEAD]):
            before.setdefault(int(after), set()).add(state)
    alive, waiting = accepting.copy(), np.flatnonzero(accepting).tolist()
    while waiting:
        for state in before.get(waiting.pop(), ()):
            if not alive[state]:
                alive[state] = True
                waiting.append(state)
    return alive
