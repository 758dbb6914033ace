"""What merge must do."""

from upslope.checks import grades, wrong
from upslope.checks.expect import equal, true
from upslope.text import bpe as module


def words(symbols, pair, merged):
    return f"merge({symbols!r}, {pair!r}, {merged!r})"


def expected(symbols, pair, merged):
    """By its definition, from the left, over whatever is left."""
    if len(symbols) < 2:
        return list(symbols)
    if (symbols[0], symbols[1]) == pair:
        return [merged, *expected(symbols[2:], pair, merged)]
    return [symbols[0], *expected(symbols[1:], pair, merged)]


@grades(module.merge)
def test_by_hand(rng):
    """h u g s with (u, g) as ug is h ug s, and 7 7 7 with (7, 7) as 8 is 8 7"""
    for symbols, pair, merged, result in (
        (["h", "u", "g", "s"], ("u", "g"), "ug", ["h", "ug", "s"]),
        ([7, 7, 7], (7, 7), 8, [8, 7]),
    ):
        equal(module.merge(symbols, pair, merged), result, case=words(symbols, pair, merged))


@grades(module.merge)
def test_everywhere(rng):
    """every occurrence is replaced, at the beginning and at the end as well"""
    symbols, pair = ["u", "g", "h", "u", "g", "u", "u", "g"], ("u", "g")
    result = ["ug", "h", "ug", "u", "ug"]
    equal(module.merge(symbols, pair, "ug"), result, case=words(symbols, pair, "ug"))


@grades(module.merge)
def test_in_this_order_only(rng):
    """(a, b) is not (b, a), and a symbol alone is none of it"""
    for symbols in (["b", "a"], ["a"], ["b"], ["a", "c", "b"], ["c", "c"], []):
        equal(module.merge(symbols, ("a", "b"), "ab"), symbols, case=words(symbols, ("a", "b"), "ab"))


@grades(module.merge)
def test_no_overlap(rng):
    """of equal symbols each belongs to one pair, from the left"""
    for count in range(1, 9):
        symbols = [7] * count
        result = [8] * (count // 2) + [7] * (count % 2)
        equal(module.merge(symbols, (7, 7), 8), result, case=words(symbols, (7, 7), 8))


@grades(module.merge)
def test_what_was_joined_is_not_looked_at(rng):
    """the new symbol does not take part in the same pass, even if it is one of the pair"""
    for symbols, pair, merged in (([1, 2, 2, 2], (1, 2), 1), ([1, 1, 2], (1, 2), 2), ([3, 3, 3, 3], (3, 3), 3)):
        equal(module.merge(symbols, pair, merged), expected(symbols, pair, merged), case=words(symbols, pair, merged))


@grades(module.merge)
def test_random(rng):
    """random ids, merged one pair after the other"""
    for _ in range(6):
        symbols = [int(each) for each in rng.integers(0, 3, size=rng.integers(2, 14))]
        for new in range(3, 6):
            place = rng.integers(max(len(symbols) - 1, 1))
            pair = (symbols[place], symbols[min(place + 1, len(symbols) - 1)])
            result = expected(symbols, pair, new)
            equal(module.merge(symbols, pair, new), result, case=words(symbols, pair, new))
            symbols = result


@grades(module.merge)
def test_the_symbols_stay(rng):
    """a new list comes back, and the sequence that was given is not changed and may be a tuple"""
    given = [1, 2, 1, 2]
    got = module.merge(given, (1, 2), 3)
    case = words(given, (1, 2), 3)
    equal(given, [1, 2, 1, 2], case=f"the symbols after {case}")
    true(type(got) is list, "what came back is not a list", case=case, got=type(got).__name__, expected="list")
    equal(module.merge((1, 2, 1), (1, 2), 3), [3, 1], case=words((1, 2, 1), (1, 2), 3))
    alone = [5, 6]
    true(module.merge(alone, (1, 2), 3) is not alone, "the list that came in came back", case=words(alone, (1, 2), 3))


wrong(
    module.merge,
    {
        "pairs overlap: a symbol is used for two of them": ("place += 2", "place += 1"),
        "only the first occurrence is replaced": (
            "            joined.append(merged)\n            place += 2",
            "            return joined + [merged] + list(symbols[place + 2:])",
        ),
        "the pair is found in either order": (
            "if symbols[place] == pair[0] and place + 1 < len(symbols) and symbols[place + 1] == pair[1]:",
            "if place + 1 < len(symbols) and {symbols[place], symbols[place + 1]} == set(pair):",
        ),
        "the last symbol is lost when it is in no pair": (
            "while place < len(symbols):",
            "while place + 1 < len(symbols):",
        ),
        "the second symbol of the pair stays": (
            "            joined.append(merged)\n",
            "            joined += [merged, pair[1]]\n",
        ),
        "only the first symbol of the pair is compared": (" and symbols[place + 1] == pair[1]:", ":"),
        "the new symbol takes part in the same pass": (
            "            joined.append(merged)\n            place += 2",
            "            symbols = [*symbols[:place], merged, *symbols[place + 2:]]",
        ),
        "the list that came in is changed": (
            "    return joined",
            "    if isinstance(symbols, list):\n        symbols[:] = joined\n    return joined",
        ),
        "the new symbol is the sum of the two, whatever was given": (
            "joined.append(merged)",
            "joined.append(pair[0] + pair[1])",
        ),
    },
)
