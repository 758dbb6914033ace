"""Verse of Shakespeare: the lines that are spoken in verse in eight of the plays.

W. Shakespeare, 1594 to 1607, as J. Bosak marked the plays up in XML, 1998; NLTK's data package shakespeare carries
them. The text is out of copyright.

The markup does not tell verse from prose, but the print does: a line of verse begins with a capital, a line of prose
goes on as the sentence does. So a speech counts as verse if it has two lines or more and all of them begin with a
capital. Lines that two speakers share, recognised by fewer than 26 characters, are left out: they are half of one.

Othello is the test, The Merchant of Venice validation, the other six plays are training.
"""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.archives import member
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.features import Text
from upslope.runs.errors import DataProblem

PLAYS = {
    "train": ("a_and_c", "dream", "hamlet", "j_caesar", "macbeth", "r_and_j"),
    "validation": ("merchant",),
    "test": ("othello",),
}
SHORTEST = 26  # characters of a whole line
GOES_ON = re.compile(r"[^A-Za-z]*[a-z]")  # a line that does not begin with a capital

CARD = DataCard(
    name="shakespeare",
    title="Verse of eight plays of Shakespeare",
    licence="public domain",
    homepage="https://www.nltk.org/nltk_data/",
    citation="Shakespeare, W. (1594-1607). Eight plays; XML by Bosak, J. (1998), Moby Lexical Tools (1992)",
    features={"text": Text()},
    splits={"train": 11404, "validation": 1830, "test": 1992},
    files=(
        File(
            name="shakespeare.zip",
            sha256="f1251d8c254710363254ba29c9dc0888d5cb13d5ac736ebc6fb14380f447cfc3",
            size=475_458,
            urls=("https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/packages/corpora/shakespeare.zip",),
            mirror="nltk_data/packages/corpora/shakespeare.zip",
        ),
    ),
    note="a row is a line with its line break; the test is Othello, validation The Merchant of Venice",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test"; its lines, which joined are its text. Fetched at the first use."""
    if split not in PLAYS:
        raise DataProblem(f'shakespeare has no split "{split}"; it has {", ".join(PLAYS)}')
    path = get(CARD, quiet=quiet) / CARD.files[0].name
    lines = [line for play in PLAYS[split] for line in verse(member(path, f"shakespeare/{play}.xml").decode())]
    return Dataset({"text": tuple(lines)}, CARD.features)


def verse(xml: str) -> Iterator[str]:
    """The whole lines of verse in a play, each with its line break."""
    for speech in ElementTree.fromstring(xml).iter("SPEECH"):
        # Within a line stage directions are elements: what is spoken stands before them and behind.
        spoken = ["".join([line.text or "", *(part.tail or "" for part in line)]) for line in speech.iter("LINE")]
        lines = [line for line in (" ".join(each.split()) for each in spoken) if line]
        if len(lines) > 1 and not any(map(GOES_ON.match, lines)):
            yield from (f"{line}\n" for line in lines if len(line) >= SHORTEST)


def shuffled(lines: Dataset, *, rng: np.random.Generator) -> Dataset:
    """The same lines, the words of each in any order: what is left of verse without metre."""
    texts = tuple(" ".join(rng.permutation(line.split())) + "\n" for line in lines["text"])
    return Dataset({"text": texts}, lines.features)


def rebroken(lines: Dataset, *, rng: np.random.Generator) -> Dataset:
    """The same words in the same order, the lines broken elsewhere: their lengths, in words, are dealt out anew."""
    words = [word for line in lines["text"] for word in line.split()]
    ends = np.cumsum(rng.permutation([len(line.split()) for line in lines["text"]]))
    parts = zip([0, *ends[:-1]], ends, strict=True)
    return Dataset({"text": tuple(" ".join(words[a:b]) + "\n" for a, b in parts)}, lines.features)


# Iambic feet, weak strong: whatever is drawn, a line is a pentameter; the last of them rhyme in twos.
BEGINS = ("the king", "my love", "thy friend", "a queen", "his heart")
FEET = ("will die", "and live", "to speak", "of gold", "at last", "in fear", "with hope", "for thee")
ENDS = ("tonight", "the light", "a day", "away", "the sea", "to me", "my own", "alone")


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Pentameters from a small grammar, five feet each: generated, without a file."""

    def line() -> str:
        feet = [str(rng.choice(BEGINS)), *map(str, rng.choice(FEET, size=3)), str(rng.choice(ENDS))]
        return " ".join(feet).capitalize() + str(rng.choice([".", ",", "!"])) + "\n"

    return Dataset({"text": tuple(line() for _ in range(count))}, CARD.features)
