"""Tiny Shakespeare: 40,000 lines from the plays, 1,115,394 characters of 65 kinds.

A. Karpathy, "The Unreasonable Effectiveness of Recurrent Neural Networks", 2015,
https://karpathy.github.io/2015/05/21/rnn-effectiveness/. The text is out of copyright.

The last 10 % of the characters are the test part: it is what nanoGPT and others call validation, so figures can be
compared with theirs. Validation, for choices, is the text from 42 % to 45 %. It is not taken from the end of the
remaining text, because the play that continues in the test part begins there: without that beginning, which introduces
its characters, every model does much worse on the test.
"""

import string

import numpy as np

from upslope.cards import DataCard, File
from upslope.data.loading.dataset import Dataset
from upslope.data.loading.fetch import get
from upslope.features import Text
from upslope.runs.errors import DataProblem

ALPHABET = "\n !$&',-.3:;?" + string.ascii_uppercase + string.ascii_lowercase
CUTS = (0.42, 0.45, 0.9)  # validation begins and ends at these shares of the characters; test begins at the last

CARD = DataCard(
    name="tinyshakespeare",
    title="Tiny Shakespeare (Karpathy)",
    licence="public domain (the text of the plays)",
    homepage="https://github.com/karpathy/char-rnn",
    citation="Karpathy, A. (2015). The unreasonable effectiveness of recurrent neural networks",
    features={"text": Text()},
    splits={"train": 34271, "validation": 1256, "test": 4475},
    files=(
        File(
            name="input.txt",
            sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            size=1115394,
            urls=("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",),
        ),
    ),
    note="a row is a line with its line break; test is the last 10 % of the characters",
)


def load(split: str = "train", *, quiet: bool = False) -> Dataset:
    """A split: "train", "validation" or "test"; its lines, which joined are its text. Fetched at the first use."""
    if split not in CARD.splits:
        raise DataProblem(f'tinyshakespeare has no split "{split}"; it has {", ".join(CARD.splits)}')
    text = (get(CARD, quiet=quiet) / "input.txt").read_text(encoding="utf-8")
    first, last, test = (int(share * len(text)) for share in CUTS)
    parts = {"train": text[:first] + text[last:test], "validation": text[first:last], "test": text[test:]}
    return Dataset({"text": tuple(parts[split].splitlines(keepends=True))}, CARD.features)


NAMES = ("ANNE", "BRUTUS", "CLAUDIO", "DUKE", "EDWARD")
WORDS = {
    "who": ("my lord", "good sir", "the king", "thy brother", "a noble man"),
    "does": ("loves", "fears", "knows", "betrays", "forgives"),
    "what": ("the crown", "his own heart", "a gentle word", "this war", "thy sister"),
    "end": (".", "!", "?", ", I say."),
}


def toy(*, rng: np.random.Generator, count: int = 600) -> Dataset:
    """Lines of a play from a small grammar: a name, one or two sentences, an empty line; generated, without a file."""
    lines: list[str] = []
    while len(lines) < count:
        lines.append(f"{rng.choice(NAMES)}:\n")
        lines += [_sentence(rng) for _ in range(rng.integers(1, 3))]
        lines.append("\n")
    return Dataset({"text": tuple(lines[:count])}, CARD.features)


def _sentence(rng: np.random.Generator) -> str:
    who, does, what, end = (str(rng.choice(choices)) for choices in WORDS.values())
    return f"{who.capitalize()} {does} {what}{end}\n"
