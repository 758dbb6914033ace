"""What longest_match must do."""

from upslope.checks import grades, wrong
from upslope.checks.expect import equal, true
from upslope.text import wordpiece as module

UNAFFABLE = frozenset({"un", "una", "##aff", "##f", "##able"})
LETTERS = frozenset({"a", "b", "c", "ab", "##a", "##b", "##c", "##bc", "##abc", "abca"})


def words(word, vocab, **more):
    said = "".join(f", {name}={value!r}" for name, value in more.items())
    return f"longest_match({word!r}, {{{', '.join(map(repr, sorted(vocab)))}}}{said})"


def expected(word, vocab, unknown="[UNK]"):
    """By its definition: of all pieces that the rest begins with the longest one."""
    pieces: list[str] = []
    rest = word
    while rest:
        mark = "##" if pieces else ""
        fitting = [rest[:size] for size in range(1, len(rest) + 1) if mark + rest[:size] in vocab]
        if not fitting:
            return [unknown]
        longest = max(fitting, key=len)
        pieces.append(mark + longest)
        rest = rest[len(longest) :]
    return pieces


@grades(module.longest_match)
def test_by_hand(rng):
    """unaffable is una ##f ##f ##able"""
    result = ["una", "##f", "##f", "##able"]
    equal(module.longest_match("unaffable", UNAFFABLE), result, case=words("unaffable", UNAFFABLE))


@grades(module.longest_match)
def test_whole_words(rng):
    """a word that is a piece is that piece, and a single letter as well"""
    for word in ("ab", "abca", "a"):
        equal(module.longest_match(word, LETTERS), [word], case=words(word, LETTERS))


@grades(module.longest_match)
def test_longest(rng):
    """at each place the longest piece is taken, at the beginning and inside"""
    for word in ("abc", "aabc", "abcabc", "bbc", "cabcb"):
        equal(module.longest_match(word, LETTERS), expected(word, LETTERS), case=words(word, LETTERS))


@grades(module.longest_match)
def test_marks(rng):
    """a beginning is not found inside a word, nor a continuation at its beginning"""
    for word, vocab in (("aa", {"a"}), ("ab", {"a", "b", "ab", "##c"}), ("ba", {"##b", "a", "##a"}), ("#a", {"##a"})):
        equal(module.longest_match(word, vocab), expected(word, vocab), case=words(word, vocab))


@grades(module.longest_match)
def test_unknown(rng):
    """where any part is unknown the whole word is one unknown token"""
    for word in ("xab", "abx", "axb", "x"):
        equal(module.longest_match(word, LETTERS), ["[UNK]"], case=words(word, LETTERS))
    got = module.longest_match("abx", LETTERS, unknown="<unk>")
    equal(got, ["<unk>"], case=words("abx", LETTERS, unknown="<unk>"))


@grades(module.longest_match)
def test_nothing_is_taken_back(rng):
    """a word that could be cut otherwise is unknown if the longest beginning leads nowhere"""
    vocab = {"ab", "abc", "##cd"}
    equal(module.longest_match("abcd", vocab), ["[UNK]"], case=words("abcd", vocab))


@grades(module.longest_match)
def test_the_empty_word(rng):
    """the empty word has no pieces"""
    got = module.longest_match("", LETTERS)
    true(type(got) is list, "what came back is not a list", got=type(got).__name__, expected="list")
    equal(got, [], case=words("", LETTERS))


@grades(module.longest_match)
def test_random(rng):
    """random words over random vocabularies"""
    for _ in range(8):
        vocab = {"".join(rng.choice(list("ab"), size=rng.integers(1, 4))) for _ in range(4)}
        vocab |= {"##" + "".join(rng.choice(list("ab"), size=rng.integers(1, 4))) for _ in range(6)}
        for _ in range(3):
            word = "".join(rng.choice(list("ab"), size=rng.integers(1, 9)))
            equal(module.longest_match(word, vocab), expected(word, vocab), case=words(word, vocab))


wrong(
    module.longest_match,
    {
        "the shortest piece is taken, not the longest": (
            "ends = range(len(word), start, -1)",
            "ends = range(start + 1, len(word) + 1)",
        ),
        "pieces inside a word are looked for without ##": ('mark = "##" if start else ""', 'mark = ""'),
        "the first piece has ## as well": ('mark = "##" if start else ""', 'mark = "##"'),
        "what was found stays before the unknown token": ("return [unknown]", "return [*pieces, unknown]"),
        "an unknown letter is one unknown token, and the word goes on behind it": (
            "            return [unknown]\n        pieces.append(mark + word[start:end])",
            (
                "            end = start + 1\n"
                "        pieces.append(mark + word[start:end] if mark + word[start:end] in vocab else unknown)"
            ),
        ),
        "what no piece fits is left out": ("return [unknown]", "return pieces"),
        "pieces come back without their ##": (
            "pieces.append(mark + word[start:end])",
            "pieces.append(word[start:end])",
        ),
        "the end of the word is never tried, so a whole word is no piece": (
            "range(len(word), start, -1)",
            "range(len(word) - 1, start, -1)",
        ),
        "the unknown token is always [UNK], whatever was given": ("return [unknown]", 'return ["[UNK]"]'),
        "the empty word is unknown": (
            "    pieces: list[str] = []\n",
            "    pieces: list[str] = []\n    if not word:\n        return [unknown]\n",
        ),
    },
)
