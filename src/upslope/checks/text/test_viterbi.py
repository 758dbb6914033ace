"""What viterbi must do."""

import itertools
import math

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import equal, true
from upslope.text import viterbi as module

HUG = {"h": -3.0, "u": -3.0, "g": -3.0, "hu": -4.0, "ug": -3.5}


def words(text, scores, longest, unknown):
    said = ", ".join(f"{piece} {score:g}" for piece, score in scores.items())
    return f"viterbi({text!r}, {{{said}}}, longest={longest}, unknown={unknown:g})"


def cuts(text):
    """All ways to cut a text."""
    for count in range(len(text)):
        for places in itertools.combinations(range(1, len(text)), count):
            yield [text[a:b] for a, b in itertools.pairwise((0, *places, len(text)))]


def total(cut, scores, unknown):
    return sum(scores.get(piece, unknown if len(piece) == 1 else -math.inf) for piece in cut)


def best(text, scores, longest, unknown):
    """The best of all cuts into pieces that are short enough, tried one by one."""
    possible = [cut for cut in cuts(text) if all(len(piece) <= longest for piece in cut)]
    return max(possible, key=lambda cut: total(cut, scores, unknown))


def some_scores(rng, letters, count):
    found = {}
    for _ in range(count):
        piece = "".join(rng.choice(list(letters), size=rng.integers(1, 4)))
        found[piece] = -round(float(rng.uniform(1, 9)), 2)
    return found


@grades(module.viterbi)
def test_by_hand(rng):
    """hug with the scores h -3, u -3, g -3, hu -4, ug -3.5 is h ug"""
    equal(module.viterbi("hug", HUG, longest=2, unknown=-9), ["h", "ug"], case=words("hug", HUG, 2, -9))


@grades(module.viterbi)
def test_whole(rng):
    """the pieces are a list and together they are the text, in its order"""
    for text in ("hughug", "guh", "u", "xhugx"):
        got = module.viterbi(text, HUG, longest=2, unknown=-9)
        case = words(text, HUG, 2, -9)
        true(type(got) is list, "what came back is not a list", case=case, got=type(got).__name__, expected="list")
        equal("".join(got), text, case=f"{case}, its pieces together")


@grades(module.viterbi)
def test_random(rng):
    """random scores: no other cut has a higher sum"""
    for _ in range(8):
        scores = some_scores(rng, "ab", 7)
        text = "".join(rng.choice(list("ab"), size=rng.integers(2, 8)))
        case = words(text, scores, 3, -10)
        got = module.viterbi(text, scores, longest=3, unknown=-10)
        wanted = best(text, scores, 3, -10)
        right = "".join(got) == text and abs(total(got, scores, -10) - total(wanted, scores, -10)) < 1e-9
        true(right, "another cut has a higher sum", case=case, got=got, expected=wanted)


@grades(module.viterbi)
def test_not_greedy(rng):
    """the best cut may begin with a shorter piece, and have more pieces"""
    scores = {"a": -1.0, "b": -1.0, "c": -1.0, "ab": -1.5, "bc": -0.5, "abc": -5.0}
    for text, result in (("abc", ["a", "bc"]), ("abcabc", ["a", "bc", "a", "bc"]), ("ab", ["ab"])):
        equal(module.viterbi(text, scores, longest=3, unknown=-9), result, case=words(text, scores, 3, -9))


@grades(module.viterbi)
def test_unknown(rng):
    """a letter that is no piece is one all the same, with the score `unknown`; a longer one is none"""
    scores = {"a": -1.0, "xy": -8.0}
    for text, unknown, result in (
        ("axa", -9.0, ["a", "x", "a"]),
        ("xy", -3.0, ["x", "y"]),
        ("xy", -5.0, ["xy"]),
        ("zz", -2.0, ["z", "z"]),
        ("azza", 1.0, ["a", "z", "z", "a"]),
    ):
        got = module.viterbi(text, scores, longest=2, unknown=unknown)
        equal(got, result, case=words(text, scores, 2, unknown))


@grades(module.viterbi)
def test_longest(rng):
    """pieces of up to `longest` letters are found, and no longer ones"""
    scores = {"a": -4.0, "aa": -5.0, "aaaa": -6.0, "aaaaa": -1.0}
    for longest, result in ((4, ["a", "aaaa"]), (5, ["aaaaa"]), (1, ["a"] * 5)):
        got = module.viterbi("aaaaa", scores, longest=longest, unknown=-9)
        equal(sorted(got), sorted(result), case=words("aaaaa", scores, longest, -9))


@grades(module.viterbi)
def test_equal_sums(rng):
    """of two ways with the same sum the one whose last piece is longer is taken"""
    scores = {"a": -1.0, "aa": -2.0, "aaa": -3.0, "ba": -2.0, "b": -1.0}
    for text, result in (("aa", ["aa"]), ("aaa", ["aaa"]), ("aaaa", ["a", "aaa"]), ("bba", ["b", "ba"])):
        got = module.viterbi(text, scores, longest=3, unknown=-9)
        equal(got, result, case=words(text, scores, 3, -9))


@grades(module.viterbi)
def test_the_empty_text(rng):
    """the empty text has no pieces"""
    equal(module.viterbi("", HUG, longest=2, unknown=-9), [], case=words("", HUG, 2, -9))


wrong(
    module.viterbi,
    {
        "the score of the way before the last piece is forgotten": (
            "if best[start] + score > highest:\n                highest, begin = best[start] + score, start",
            "if score > highest:\n                highest, begin = score, start",
        ),
        "the lowest sum is taken: costs, not scores": ("+ score > highest", "- score > highest"),
        "the pieces come in the order from the end": ("return pieces[::-1]", "return pieces"),
        "a piece may be as long as `longest`, but is never tried with that length": (
            "end - longest)",
            "end - longest + 1 if longest > 1 else end - 1)",
        ),
        "all pieces that are unknown are allowed, not only single letters": (
            "                if start < end - 1:\n                    continue\n",
            "",
        ),
        "of equal sums the shorter last piece is taken": ("+ score > highest", "+ score >= highest"),
        "a letter that is no piece costs nothing": ("score = unknown", "score = 0.0"),
        "the longest piece that ends at each place is taken, whatever its score": (
            "            if best[start] + score > highest:\n",
            "            if highest == -inf:\n",
        ),
        "the best sum of a place is that of its last piece alone": (
            "best.append(highest)",
            "best.append(highest - best[begin])",
        ),
        "the empty text has one piece, an empty one": (
            "    while end > 0:\n        pieces.append(text[begins[end] : end])\n        end = begins[end]\n",
            (
                "    while True:\n        pieces.append(text[begins[end] : end])\n        end = begins[end]\n"
                "        if end == 0:\n            break\n"
            ),
        ),
    },
)
survives(
    module.viterbi,
    {
        "all sums are higher by the same, and the best one is the same": [("[0.0], [0]", "[1.0], [0]")],
        "all sums are lower by the same, and the best one is the same": [("[0.0], [0]", "[-1.0], [0]")],
        "where the piece before the text begins is never asked": [
            ("[0.0], [0]", "[0.0], [1]"),
            ("[0.0], [0]", "[0.0], [-1]"),
        ],
        "some piece always ends there, and this is replaced": [
            ("-inf, end - 1", "-inf, end + 1"),
            ("-inf, end - 1", "-inf, (end)"),
            ("-inf, end - 1", "-inf, end - 2"),
            ("-inf, end - 1", "-inf, end - 0"),
        ],
        "one place too many is computed, and never asked for": [("len(text) + 1)", "len(text) + 2)")],
    },
)
