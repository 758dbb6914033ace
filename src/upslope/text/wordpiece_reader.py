"""WordPiece with a given vocabulary: texts to the tokens of BERT and of models made of it, such as MiniLM.

Y. Wu et al., "Google's Neural Machine Translation System", 2016, https://arxiv.org/abs/1609.08144; cleaning and
vocabulary: J. Devlin et al., "BERT", 2018, https://arxiv.org/abs/1810.04805. A vocabulary is a file with one token a
line (vocab.txt), or lies in a tokenizer.json.

- Text is cleaned, lower-cased and freed of accents where the vocabulary wants it, and cut at spaces and punctuation.
- Within a word the longest token that fits is taken, again and again; pieces inside a word begin with ##.
"""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from upslope.runs.errors import DataProblem
from upslope.runs.workspace import short

LONGEST = 100  # characters of a word; a longer one is unknown
# CJK ideographs: each is a word.
IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPiece:
    """A tokenizer from a vocabulary, the tokens by id; [CLS] stands before a text and [SEP] behind it."""

    def __init__(self, tokens: Sequence[str], *, lowercase: bool = True) -> None:
        self.tokens, self.lowercase = list(tokens), lowercase
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        if missing := [name for name in ("[UNK]", "[CLS]", "[SEP]", "[PAD]") if name not in self.ids]:
            raise ValueError(f"a vocabulary of BERT's kind has {', '.join(missing)}, and this one does not")
        self.unknown, self.first, self.last, self.padding = (
            self.ids[name] for name in ("[UNK]", "[CLS]", "[SEP]", "[PAD]")
        )

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, text: str, *, longest: int | None = None) -> list[int]:
        """The ids of a text between [CLS] and [SEP]; of a text with more than `longest` ids the beginning."""
        ids = [number for word in words(text, lowercase=self.lowercase) for number in self.pieces(word)]
        if longest is not None:
            ids = ids[: longest - 2]
        return [self.first, *ids, self.last]

    def pieces(self, word: str) -> list[int]:
        """The ids of a word: the longest piece that fits, again and again; [UNK] alone where none fits."""
        if len(word) > LONGEST:
            return [self.unknown]
        ids, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                found = self.ids.get(("##" if start else "") + word[start:end])
                if found is not None:
                    ids.append(found)
                    start = end
                    break
            else:
                return [self.unknown]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The words of ids, without [CLS], [SEP] and filling."""
        left_out = {self.first, self.last, self.padding}
        return " ".join(self.tokens[number] for number in ids if number not in left_out).replace(" ##", "")


def read_vocabulary(path: Path) -> list[str]:
    """The tokens in a vocab.txt or a tokenizer.json, by id."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".json":
            return text.splitlines() if "\r" in text else text.rstrip("\n").split("\n")
        ids: dict[str, int] = json.loads(text)["model"]["vocab"]
        return sorted(ids, key=lambda token: ids[token])
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        why = " ".join(str(error).split())[:80]
        raise DataProblem(f"{short(path)} holds no vocabulary that can be read ({why})") from None


def words(text: str, *, lowercase: bool) -> Iterator[str]:
    """The words of a text, cleaned: cut at white space, each punctuation mark and each ideograph alone."""
    word: list[str] = []
    for letter in _cleaned(text, lowercase=lowercase):
        alone = _is_punctuation(letter) or _is_ideograph(letter)
        if (alone or letter == " ") and word:
            yield "".join(word)
            word = []
        if alone:
            yield letter
        elif letter != " ":
            word.append(letter)
    if word:
        yield "".join(word)


def _cleaned(text: str, *, lowercase: bool) -> str:
    kept = []
    for letter in text:
        if letter in "\t\n\r" or unicodedata.category(letter)[0] == "Z":
            kept.append(" ")
        # Control and format characters and private ones mean nothing; what Unicode has yet to assign is kept.
        elif letter != "\ufffd" and unicodedata.category(letter) not in ("Cc", "Cf", "Co"):
            kept.append(letter)
    if not lowercase:
        return "".join(kept)
    apart = unicodedata.normalize("NFD", "".join(kept))
    # Letter by letter: the Greek sigma at the end of a word is no other token.
    return "".join(letter.lower() for letter in apart if unicodedata.category(letter) != "Mn")


def _is_punctuation(letter: str) -> bool:
    """Unicode's punctuation, and every mark of ASCII that is neither letter nor digit: "$" and "^", too."""
    code = ord(letter)
    return (
        33 <= code <= 47
        or 58 <= code <= 64
        or 91 <= code <= 96
        or 123 <= code <= 126
        or unicodedata.category(letter)[0] == "P"
    )


def _is_ideograph(letter: str) -> bool:
    return any(first <= ord(letter) <= last for first, last in IDEOGRAPHS)
