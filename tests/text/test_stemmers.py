"""Porter equals NLTK's original mode, Snowball equals snowballstemmer, on every word at hand."""

import os
import re
import zipfile
from pathlib import Path

import pytest

import upslope
from upslope.text.porter import measure, porter, step_1
from upslope.text.snowball import snowball

ODD = """
    a as is y yy sky by dying lying tying skis news inning outing herring canning evening proceed exceed succeed added
    egged pasting paste university 'tis children's boys' boys's o'clock generously communism agreedly bee bees sses ies
    ing ed eed oed yed ying ll fulfill sayings youthful yoyo ogists analogi
"""
_WORD = re.compile(r"[A-Za-z]+(?:['’-][A-Za-z]+)*'?")


def words_of(texts):
    return sorted({w.lower().replace("’", "'") for text in texts for w in _WORD.findall(text)})


def own_words():
    """Those of our lessons and programs."""
    folder = Path(upslope.__file__).parent
    return words_of([*(p.read_text() for p in [*folder.rglob("*.md"), *folder.rglob("*.py")]), ODD])


def words_of_the_mirror():
    """Those of all data sets that the mirror holds."""

    def texts():
        for path in sorted(Path(os.environ["UPSLOPE_MIRROR"]).rglob("*")):
            if path.suffix in (".txt", ".csv", ".tsv", ".json", ".conllu", ".md", ".en", ".yml"):
                yield path.read_bytes().decode(errors="replace")
            elif path.suffix == ".zip":
                with zipfile.ZipFile(path) as archive:
                    for name in archive.namelist():
                        if name.endswith((".txt", ".xml", ".csv", ".pos", ".neg")) or "." not in Path(name).name:
                            yield archive.read(name).decode(errors="replace")

    return words_of(texts())


@pytest.fixture(params=["ours", pytest.param("the mirror's", marks=[pytest.mark.deep, pytest.mark.needs("data")])])
def vocabulary(request):
    found = own_words() if request.param == "ours" else words_of_the_mirror()
    assert len(found) > (3000 if request.param == "ours" else 100_000)
    return found


def test_porter_equals_nltk(vocabulary):
    nltk = pytest.importorskip("nltk.stem.porter")
    theirs = nltk.PorterStemmer(mode="ORIGINAL_ALGORITHM")
    assert [(word, porter(word), stem) for word in vocabulary if porter(word) != (stem := theirs.stem(word))] == []


def test_snowball_equals_snowballstemmer(vocabulary):
    theirs = pytest.importorskip("snowballstemmer").stemmer("english")
    stems = theirs.stemWords(vocabulary)
    assert [(word, snowball(word), s) for word, s in zip(vocabulary, stems, strict=True) if snowball(word) != s] == []


@pytest.mark.parametrize(
    ("word", "first", "last"),
    [
        ("caresses", "caress", "caress"), ("ponies", "poni", "poni"), ("cats", "cat", "cat"), ("feed", "feed", "feed"),
        ("agreed", "agree", "agre"), ("plastered", "plaster", "plaster"), ("bled", "bled", "bled"),
        ("motoring", "motor", "motor"), ("sing", "sing", "sing"), ("conflated", "conflate", "conflat"),
        ("hopping", "hop", "hop"), ("falling", "fall", "fall"), ("filing", "file", "file"), ("happy", "happi", "happi"),
        ("sky", "sky", "sky"), ("relational", "relational", "relat"), ("replacement", "replacement", "replac"),
        ("adoption", "adoption", "adopt"), ("controlling", "controll", "control"), ("", "", ""),
    ],
)  # fmt: skip
def test_examples_of_the_paper(word, first, last):
    """Porter 1980, section 3, which gives the results step by step."""
    assert step_1(word) == first
    assert porter(word) == last


def test_measures_of_the_paper():
    """Porter 1980, section 2."""
    for m, words in enumerate(("tr ee tree y by", "trouble oats trees ivy", "troubles private oaten orrery")):
        assert {measure(word) for word in words.split()} == {m}
