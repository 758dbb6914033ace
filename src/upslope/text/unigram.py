"""The unigram tokenizer of T5: of all ways to cut a text into pieces, the likeliest, or one drawn at random.

T. Kudo, "Subword Regularization: Improving Neural Network Translation Models with Multiple Subword Candidates", 2018,
https://arxiv.org/abs/1804.10959; its files and spaces: T. Kudo, J. Richardson, "SentencePiece", 2018,
https://arxiv.org/abs/1808.06226; sentinels: C. Raffel et al., "Exploring the Limits of Transfer Learning with a Unified
Text-to-Text Transformer" (T5), 2020, https://arxiv.org/abs/1910.10683, section 3.1.4.

- A piece has a probability; that of a text cut into pieces is their product (`viterbi.py`).
- `sample` draws a cut in proportion to its probability to the power alpha, so that a model that learns sees many.
- Sums are made in single precision, as SentencePiece makes them: where two cuts are equally good, rounding decides.
- Left out: the n best cuts; BPE models in SentencePiece's files. Pieces are learned in `unigram_training.py`.
"""

from collections.abc import Collection, Mapping
from math import exp, inf, log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from upslope.runs.workspace import short
from upslope.text.double_array import read_replacements
from upslope.text.sentencepiece_file import (
    BYTE,
    CONTROL,
    NORMAL,
    UNKNOWN,
    USER_DEFINED,
    SentencePieceModel,
    parse_sentencepiece,
)
from upslope.text.space_marks import SPACE, SpaceMarks
from upslope.text.token import BadTokenizer, Ids, Token, known_ids, require_text, split_special
from upslope.text.viterbi import viterbi, viterbi_of_long_text

SENTINELS = 100  # T5's
_UNKNOWN_COSTS = 10.0  # below the rarest piece
_LONG = 2_000  # characters; with fewer no sum needs more digits than single precision has


class Unigram:
    """A unigram tokenizer, over the pieces and settings of a SentencePiece model."""

    def __init__(
        self, model: SentencePieceModel, *, sentinels: int = 0, replacements: Mapping[str, str] | None = None
    ) -> None:
        """With T5's `sentinels` the ids above the vocabulary are <extra_id_0>, the highest, down to the last one.

        `replacements` of characters stand in place of those of the model.
        """
        self.model, self.sentinels = model, sentinels
        self._pieces = {number: piece.text for number, piece in enumerate(model.pieces)}
        unknown = [number for number, piece in enumerate(model.pieces) if piece.type == UNKNOWN]
        if len(unknown) != 1:
            raise BadTokenizer(f"a unigram model has one unknown piece, and this one has {len(unknown)}")
        self.unknown = unknown[0]
        self.special = {piece.text: number for number, piece in enumerate(model.pieces) if piece.type == CONTROL}
        for sentinel in range(sentinels):
            name, number = f"<extra_id_{sentinel}>", len(model.pieces) + sentinels - 1 - sentinel
            self.special[name], self._pieces[number] = number, name
        self._ids: dict[str, int] = {}
        self._scores: dict[str, Any] = {}
        normal = [piece.score for piece in model.pieces if piece.type == NORMAL]
        if not normal:
            raise BadTokenizer("a unigram model has pieces with scores, and this one has none")
        for number, piece in enumerate(model.pieces):
            if piece.type in (NORMAL, USER_DEFINED):
                # What a user defined is to win over anything that the text could be cut into there.
                asked = len(piece.text.encode()) * max(normal) - 0.1
                self._ids[piece.text] = number
                self._scores[piece.text] = np.float32(piece.score if piece.type == NORMAL else asked)
        self._lowest: Any = np.float32(min(normal)) - np.float32(_UNKNOWN_COSTS)
        self._longest = max(map(len, self._ids))
        self._bytes = {
            number: int(piece.text[1:-1], 16) for number, piece in enumerate(model.pieces) if piece.type == BYTE
        }
        self._byte_ids = {byte: number for number, byte in self._bytes.items()}
        if model.byte_fallback and len(self._byte_ids) != 256:
            raise BadTokenizer(f"this model falls back to bytes, and has {len(self._byte_ids)} of 256")
        self._marks = SpaceMarks(
            read_replacements(model.table) if replacements is None else replacements,
            kept=frozenset(piece.text for piece in model.pieces if piece.type == USER_DEFINED),
            dummy_prefix=model.dummy_prefix,
            collapse=model.collapse_spaces,
            escape=model.escape_spaces,
            at_end=model.space_at_end,
        )

    @classmethod
    def read(cls, path: Path, *, sentinels: int = 0) -> "Unigram":
        """The tokenizer in a SentencePiece model file."""
        return cls(parse_sentencepiece(path.read_bytes(), short(path)), sentinels=sentinels)

    def __len__(self) -> int:
        return len(self._pieces)

    def encode(self, text: str, *, allowed: Collection[str] = ()) -> Ids:
        """The ids of the likeliest pieces: (N,). What stands between special tokens that are allowed is a text."""
        return np.array([token.id for token in self.tokens(text, allowed=allowed)], dtype=np.int64)

    def tokens(self, text: str, *, allowed: Collection[str] = ()) -> list[Token]:
        """The likeliest pieces, with their places in the text."""
        require_text(text)
        found: list[Token] = []
        for start, part, number in split_special(text, self.special, allowed):
            if number is not None:
                found.append(Token(number, part, start, start + len(part)))
                continue
            prepared, origins = self._marks.prepare(part)
            cut = viterbi if len(prepared) < _LONG else viterbi_of_long_text
            pieces = cut(prepared, self._scores, longest=self._longest, unknown=self._lowest)
            found += self._placed(pieces, [start + origin for origin in origins])
        return found

    def sample(self, text: str, *, rng: np.random.Generator, alpha: float = 1.0) -> Ids:
        """The ids of pieces drawn at random, each cut as probable as its probability to the power `alpha`.

        With alpha 0 all cuts are alike, with 1 they are as probable as the model says, and a high alpha gives the
        likeliest. Kudo 2018, section 3.2, without the limit to the n best.
        """
        require_text(text)
        prepared, origins = self._marks.prepare(text)
        pieces = sample_pieces(
            prepared, self._scores, longest=self._longest, unknown=float(self._lowest), alpha=alpha, rng=rng
        )
        return np.array([token.id for token in self._placed(pieces, origins)], dtype=np.int64)

    def decode(self, ids: ArrayLike) -> str:
        """The text of some ids: spaces where marks were, nothing for control pieces."""
        pieces: list[bytes] = []
        for number in known_ids(ids, self._pieces):
            if number in self._bytes:
                pieces.append(bytes([self._bytes[number]]))
            elif number == self.unknown:
                pieces.append(self.model.unknown_surface.encode())
            elif self._pieces[number] not in self.special:
                piece = self._pieces[number]
                # The space that was put before the text, and all that stand there if spaces are collapsed.
                begun = any(pieces) if self.model.collapse_spaces else bool(pieces)
                first = self.model.dummy_prefix and not begun and piece.startswith(SPACE)
                pieces.append((piece[1:] if first else piece).replace(SPACE, " ").encode())
            elif number >= len(self.model.pieces):
                pieces.append(self._pieces[number].encode())
        return b"".join(pieces).decode(errors="replace")

    def shown(self, number: int) -> str:
        """The piece of an id."""
        return self._pieces[number]

    def _placed(self, pieces: list[str], origins: list[int]) -> list[Token]:
        """Pieces as tokens; unknown ones beside each other are one token, or the bytes that they are made of."""
        found: list[Token] = []
        done = 0
        for piece in pieces:
            first, last = origins[done], origins[done + len(piece)]
            done += len(piece)
            number = self._ids.get(piece, self.unknown)
            if number == self.unknown and self.model.byte_fallback:
                bytes_ = piece.encode()
                found += [Token(self._byte_ids[byte], f"<0x{byte:02X}>", first, last) for byte in bytes_]
            elif number == self.unknown and found and found[-1].id == self.unknown:
                before = found.pop()
                found.append(Token(number, before.piece + piece, before.start, last))
            else:
                found.append(Token(number, piece, first, last))
        return found


def sample_pieces(
    text: str, scores: Mapping[str, float], *, longest: int, unknown: float, alpha: float, rng: np.random.Generator
) -> list[str]:
    """Pieces that make up `text`, drawn with a probability in proportion to exp(alpha * the sum of their scores).

    Forwards, the weights of all ways to each place are added up; backwards, the last piece is drawn in proportion to
    the weights of the ways that end with it, then the one before it. `scores`, `longest` and `unknown` as in `viterbi`.
    """
    total = [0.0]  # the logarithm of the weight of all ways to a place
    ways: list[list[tuple[int, float]]] = [[]]
    for end in range(1, len(text) + 1):
        here: list[tuple[int, float]] = []
        for start in range(max(0, end - longest), end):
            score = scores.get(text[start:end], unknown if start == end - 1 else None)
            if score is not None:
                here.append((start, total[start] + alpha * float(score)))
        highest = max((weight for _, weight in here), default=-inf)
        total.append(highest + log(sum(exp(weight - highest) for _, weight in here)))
        ways.append(here)
    pieces: list[str] = []
    end = len(text)
    while end > 0:
        shares = np.cumsum([exp(weight - total[end]) for _, weight in ways[end]])
        start, _ = ways[end][int(np.searchsorted(shares, rng.random() * shares[-1], side="right"))]
        pieces.append(text[start:end])
        end = start
    return pieces[::-1]
