"""What encode_word must do."""

from itertools import pairwise

from upslope.checks import grades, wrong
from upslope.checks.expect import equal, true
from upslope.text import bpe as module

HUG = {(b"u", b"g"): 0, (b"u", b"n"): 1, (b"h", b"ug"): 2}
# (a, b) is joined before (b, c), though it was learned later than (c, d); and twice the same letter.
LETTERS = {(b"c", b"d"): 0, (b"a", b"b"): 1, (b"b", b"c"): 2, (b"ab", b"cd"): 3}
SAME = {(b"a", b"a"): 0, (b"aa", b"aa"): 1}
# Two pairs make one symbol: joining one place at a time is another result than joining all at once.
ALIKE = {(b"b", b"c"): 0, (b"abc", b"a"): 1, (b"a", b"bc"): 2}


def symbols(word):
    return [bytes([byte]) for byte in word.encode()]


def words(word, ranks):
    pairs = ", ".join(f"({left.decode()}, {right.decode()}): {rank}" for (left, right), rank in ranks.items())
    return f"encode_word({' '.join(word)}, {{{pairs}}})" if len(ranks) < 5 else f"encode_word({' '.join(word)}, ranks)"


def expected(word, ranks):
    """By its definition: one merge after the other, over a string with marks between symbols."""
    found = symbols(word)
    while True:
        pairs = [(ranks[pair], place) for place, pair in enumerate(pairwise(found)) if pair in ranks]
        if not pairs:
            return found
        _, place = min(pairs)
        found = [*found[:place], found[place] + found[place + 1], *found[place + 2 :]]


def learned(rng, letters, count):
    """Ranks as training makes them: each pair is made of symbols that were there before."""
    pieces = [letter.encode() for letter in letters]
    ranks: dict[tuple[bytes, bytes], int] = {}
    while len(ranks) < count:
        pair = (pieces[rng.integers(len(pieces))], pieces[rng.integers(len(pieces))])
        if pair not in ranks and len(pair[0] + pair[1]) <= 5:
            ranks[pair] = len(ranks)
            pieces.append(pair[0] + pair[1])
    return ranks


@grades(module.encode_word)
def test_by_hand(rng):
    """h u g s with the ranks (u, g) 0, (u, n) 1, (h, ug) 2 is hug s"""
    equal(module.encode_word(symbols("hugs"), HUG), [b"hug", b"s"], case=words("hugs", HUG))


@grades(module.encode_word)
def test_a_list(rng):
    """what comes back is a list of bytes that together are the word"""
    for word in ("hugs", "bun", "xyz"):
        got = module.encode_word(symbols(word), HUG)
        case = words(word, HUG)
        true(type(got) is list, "what came back is not a list", case=case, got=type(got).__name__, expected="list")
        equal(b"".join(got), word.encode(), case=f"{case}, its symbols together")


@grades(module.encode_word)
def test_lowest_rank_first(rng):
    """the pair that was learned first is joined first, wherever it stands"""
    for word in ("abcd", "abc", "bcd", "cdab"):
        equal(module.encode_word(symbols(word), LETTERS), expected(word, LETTERS), case=words(word, LETTERS))


@grades(module.encode_word)
def test_equal_symbols(rng):
    """of three equal symbols the first two are joined, and joined symbols are joined again"""
    for count in range(1, 10):
        word = "a" * count
        equal(module.encode_word(symbols(word), SAME), expected(word, SAME), case=words(word, SAME))


@grades(module.encode_word)
def test_one_place_at_a_time(rng):
    """after each merge all ranks are looked at anew, also those to the left"""
    for word in ("abcabc", "aabcabc"):
        equal(module.encode_word(symbols(word), ALIKE), expected(word, ALIKE), case=words(word, ALIKE))


@grades(module.encode_word)
def test_random(rng):
    """random words with ranks as training makes them"""
    for count in (3, 8, 20, 20):
        ranks = learned(rng, "abc", count)
        for _ in range(4):
            word = "".join(rng.choice(list("abcd"), size=rng.integers(2, 12)))
            equal(module.encode_word(symbols(word), ranks), expected(word, ranks), case=f"{words(word, ranks)} {ranks}")


@grades(module.encode_word)
def test_short_and_unknown_words(rng):
    """a word of one symbol, of none, or without a pair of the list stays as it is"""
    for word, ranks in (("", HUG), ("u", HUG), ("xyz", HUG), ("hugs", {})):
        equal(module.encode_word(symbols(word), ranks), symbols(word), case=words(word, ranks))


@grades(module.encode_word)
def test_the_word_stays(rng):
    """the sequence that was given is not changed, and may be a tuple"""
    given = symbols("hugs")
    module.encode_word(given, HUG)
    equal(given, symbols("hugs"), case=f"the symbols after {words('hugs', HUG)}")
    equal(module.encode_word(tuple(given), HUG), [b"hug", b"s"], case=f"{words('hugs', HUG)}, given as a tuple")


wrong(
    module.encode_word,
    {
        "the first pair from the left is joined, whatever its rank": (
            "first = min(waiting)",
            "first = next((rank for rank in waiting if rank < inf), inf)",
        ),
        "the pair that was learned last is joined first": (
            "first = min(waiting)",
            "first = max((rank for rank in waiting if rank < inf), default=inf)",
        ),
        "it ends after one merge": (
            "        # The new symbol has other ranks with the neighbours on its two sides.",
            "        break",
        ),
        "the new symbol's rank with its left neighbour stays that of its parts": ("if place > 0:", "if False:"),
        "the new symbol's rank with its right neighbour stays that of its parts": (
            "if place < len(waiting):",
            "if False:",
        ),
        "of several places the last one is joined": (
            "place = waiting.index(first)",
            "place = len(waiting) - 1 - waiting[::-1].index(first)",
        ),
        "the parts of a new symbol are the wrong way round": (
            "[joined[place] + joined[place + 1]]",
            "[joined[place + 1] + joined[place]]",
        ),
        "the symbols of whoever called are changed": (
            "joined = list(symbols)",
            "joined = symbols if isinstance(symbols, list) else list(symbols)",
        ),
        "a rank of 0 counts as no rank": ("ranks.get(pair, inf) for pair", "(ranks.get(pair) or inf) for pair"),
        "each pair is joined everywhere before the ranks are looked at again": (
            "    joined = list(symbols)\n",
            (
                "    joined = list(symbols)\n"
                "    while joined and min((ranks.get(pair, inf) for pair in pairwise(joined)), default=inf) < inf:\n"
                "        best = min(pairwise(joined), key=lambda pair: ranks.get(pair, inf))\n"
                "        joined = merge(joined, best, best[0] + best[1])\n"
            ),
        ),
        "a word of one symbol is an error: there is no pair to take the lowest rank of": (
            "while waiting:",
            "while True:",
        ),
    },
)
