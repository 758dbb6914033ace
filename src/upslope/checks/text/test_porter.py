"""What step_1 must do."""

import re

from upslope.checks import grades, survives, wrong
from upslope.checks.expect import equal
from upslope.text import porter as module


def letters(word):
    """v for each vowel and c for each consonant."""
    kinds = ""
    for letter in word:
        kinds += "v" if letter in "aeiou" or (letter == "y" and kinds.endswith("c")) else "c"
    return kinds


def expected(word):
    """The rules of the paper, each as a pattern over the letters or over v and c."""
    word = re.sub("(sses|ies|ss|s)$", lambda match: {"sses": "ss", "ies": "i", "ss": "ss", "s": ""}[match[0]], word)
    if word.endswith("eed"):
        word = word[:-1] if re.search("vc", letters(word[:-3])) else word
    elif (match := re.fullmatch("(.*)(ed|ing)", word)) and "v" in letters(match[1]):
        word = match[1]
        if re.search("(at|bl|iz)$", word):
            word += "e"
        elif re.search(r"([^lsz])\1$", word) and letters(word)[-1] == "c":
            word = word[:-1]
        elif re.fullmatch("c*v+c", letters(word)) and letters(word).endswith("cvc") and word[-1] not in "wxy":
            word += "e"
    return re.sub("y$", "i", word) if "v" in letters(word[:-1]) else word


def ask(**stems):
    for word, stem in stems.items():
        equal(module.step_1(word), stem, case=f"step_1({word!r})")


@grades(module.step_1)
def test_by_hand(rng):
    """ponies is poni, feed is feed, hopping is hop, filing is file"""
    ask(ponies="poni", feed="feed", hopping="hop", filing="file")


@grades(module.step_1)
def test_plurals(rng):
    """1a: sses becomes ss, ies becomes i, ss stays, s goes; the longest ending decides"""
    ask(caresses="caress", ties="ti", caress="caress", cats="cat", pass_="pass_", buses="buse", s="", ss="ss")


@grades(module.step_1)
def test_eed(rng):
    """1b: eed becomes ee behind a vowel and a consonant, and is never taken for ed"""
    ask(agreed="agree", need="need", freed="freed", proceed="procee", eed="eed", indeed="indee", oeed="oeed")


@grades(module.step_1)
def test_a_vowel_before(rng):
    """1b: ed and ing go only where a vowel stands before them, and y can be one"""
    ask(plastered="plaster", bled="bled", motoring="motor", sing="sing", spring="spring", ed="ed", ing="ing")
    ask(crying="cry", dyed="dy", yed="yed", red="red", walking="walk")


@grades(module.step_1)
def test_an_e_comes_back(rng):
    """after ed or ing went, at, bl and iz get an e"""
    ask(conflated="conflate", troubled="trouble", sized="size", relating="relate", pat="pat", dabl="dabl")


@grades(module.step_1)
def test_double_consonants(rng):
    """after ed or ing went, a double consonant becomes single, but ll, ss and zz stay"""
    ask(tanned="tan", falling="fall", hissing="hiss", fizzed="fizz", putting="put", seeing="see", egg="egg")
    ask(controlling="controll", added="ad")


@grades(module.step_1)
def test_short_ends(rng):
    """after ed or ing went, with m = 1 and an end like that of hop an e is added"""
    ask(filed="file", failing="fail", snowing="snow", boxed="box", entering="enter", hop="hop", using="us")


@grades(module.step_1)
def test_y(rng):
    """1c: y at the end becomes i where a vowel stands before it"""
    ask(happy="happi", sky="sky", by="by", y="y", enjoy="enjoi", say="sai", yy="yy", syzygy="syzygi")


@grades(module.step_1)
def test_one_after_the_other(rng):
    """what 1a leaves goes on to 1b, and what that leaves to 1c"""
    ask(meetings="meet", feeds="feed", ratings="rate", lies="li", burying="buri", toys="toi", studied="studi")


@grades(module.step_1)
def test_random(rng):
    """random letters with these endings, and none"""
    endings = ("", "s", "ss", "sses", "ies", "eed", "ed", "ing", "eds", "ings", "y", "ated", "bling", "ized", "pped")
    for _ in range(40):
        word = "".join(rng.choice(list("aeoybcltsz"), size=rng.integers(0, 5))) + str(rng.choice(endings))
        equal(module.step_1(word), expected(word), case=f"step_1({word!r})")


wrong(
    module.step_1,
    {
        "the s of ss goes like any other": ('word.endswith("s") and not word.endswith("ss")', 'word.endswith("s")'),
        "ies becomes ies without its s, where only the i stays": ('("sses", "ies")', '("sses",)'),
        "a word in eed that keeps it is then taken for one in ed": (
            (
                '    if word.endswith("eed"):\n        if measure(word[:-3]) > 0:\n'
                "            word = word[:-1]\n    else:\n"
            ),
            '    if word.endswith("eed") and measure(word[:-3]) > 0:\n        word = word[:-1]\n    else:\n',
        ),
        "ed and ing go from words without a vowel before them": ("if ending and has_vowel(stem)", "if ending"),
        "no e comes back after at, bl and iz": ('word.endswith(("at", "bl", "iz"))', "False"),
        "every double consonant becomes single, those of fall and hiss as well": (
            'word if word[-1] in "lsz" else word[:-1]',
            "word[:-1]",
        ),
        "an e is added after long words as well, whatever their measure": (
            "measure(word) == 1 and ends_short(word)",
            "ends_short(word)",
        ),
        "y becomes i in every word that ends in it": (
            'word.endswith("y") and has_vowel(word[:-1])',
            'word.endswith("y")',
        ),
        "the y itself is counted as the vowel before it": ("has_vowel(word[:-1])", "has_vowel(word)"),
        "a stem is mended where nothing was taken off": (
            "        if ending and has_vowel(stem):\n            word = stem\n",
            "        if not ending or has_vowel(stem):\n            word = stem\n",
        ),
    },
)
survives(
    module.step_1,
    {
        "a vowel at the end does not change the measure": [("measure(word[:-3])", "measure(word[:-2])")],
        "the last two letters are the same": [("word[-1] in", "word[-2] in")],
    },
)
