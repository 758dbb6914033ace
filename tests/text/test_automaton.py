"""Automata beside Python's `re`: the same texts match; and what cannot be followed is refused with a sentence."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from upslope.text.automaton import DEAD, START, automaton, utf8_ranges
from upslope.text.regular_expression import BadPattern, escape

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "é",
        ".",
        "[ab]",
        "[^a]",
        "[a-cé-ü]",
        r"\d",
        r"\W",
        r"\s",
        "😀",
        r"\x62",
        r"\u00e9",
        r"\.",
        "[]a]",
        "[a-]",
    ]
)
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,1}", "{2,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


@given(PATTERNS, st.lists(st.text("abcé😀1 .-]\n", max_size=6), min_size=1, max_size=8))
def test_the_same_texts_match_as_in_python(pattern, texts):
    expected = re.compile(pattern, re.ASCII)
    machine = automaton(pattern)
    for text in texts:
        assert machine.matches(text) == bool(expected.fullmatch(text)), (pattern, text)


@given(PATTERNS, st.binary(max_size=8))
def test_every_living_state_has_a_way_to_the_end(pattern, seed):
    machine = automaton(pattern)
    state = START
    for byte in seed:
        ways = np.flatnonzero(machine.table[state])
        if not len(ways):
            break
        state = int(machine.table[state, ways[byte % len(ways)]])
    found, waiting = {state}, [state]
    while waiting and not machine.accepting[list(found)].any():
        after = {int(s) for s in machine.table[waiting.pop()]} - {DEAD} - found
        found |= after
        waiting += after
    assert machine.accepting[list(found)].any()


@given(st.integers(0, 0x10FFFF), st.integers(0, 0x10FFFF), st.integers(0, 0x10FFFF))
def test_ranges_of_bytes_are_the_characters_of_a_range(low, high, code):
    low, high = min(low, high), max(low, high)
    sequences = list(utf8_ranges(low, high))
    bytes_ = chr(code).encode("utf-8", "surrogatepass")
    hits = [
        s for s in sequences if len(s) == len(bytes_) and all(a <= b <= c for (a, c), b in zip(s, bytes_, strict=True))
    ]
    assert len(hits) == (low <= code <= high and not 0xD800 <= code <= 0xDFFF)


@given(st.text(max_size=20).filter(lambda text: text.isprintable()))
def test_an_escaped_text_matches_itself_alone(text):
    machine = automaton(escape(text))
    assert machine.matches(text)
    assert not machine.matches(text + "x")
    assert machine.final[machine.step(START, text.encode())]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(a", r"at character 3, a \( without its \)"),
        ("a)", r"a \) without its \("),
        ("[a", r"a \[ without its \]"),
        ("*a", r"nothing that \* could repeat"),
        ("a{3,1}", "counts go up to 1000, the smaller one first"),
        ("a{9999}", "counts go up to 1000"),
        ("a{x}", r"a \{ that is no \{n\}"),
        (r"(a)\1", r"\\1, which is not known here"),
        (r"\bword", r"\\b, which is not known here"),
        ("(?=a)b", r"of which only \(\?: is known"),
        ("a^b", r"\^ within a pattern"),
        ("[b-a]", "whose end is before its beginning"),
        ("a\\", "with nothing behind it"),
        (r"\u12", "without its 4 hexadecimal digits"),
        ("(" * 200 + ")" * 200, "more than 100 groups"),
        (r"[^\x00-\U0010ffff]".replace(r"\U0010ffff", "\U0010ffff"), "describes no text at all"),
        ("(a|b)*a(a|b){20}", "needs more than 10,000 states"),
        ("((a{1000}){1000}){10}", "more than 100,000 parts"),
    ],
)
def test_what_cannot_be_followed_is_refused(pattern, said):
    with pytest.raises(BadPattern, match=said):
        automaton(pattern)
