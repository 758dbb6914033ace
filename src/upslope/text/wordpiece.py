"""WordPiece, the tokenizer of BERT: each word is cut into the longest pieces of a vocabulary, from the left.

M. Schuster, K. Nakajima, "Japanese and Korean Voice Search", 2012; Y. Wu et al., "Google's Neural Machine Translation
System", 2016, section 4.1, https://arxiv.org/abs/1609.08144; as in J. Devlin et al., "BERT", 2019,
https://arxiv.org/abs/1810.04805.

- A piece inside a word is written ##ing, so that the vocabulary knows beginnings from the rest.
- A word of which any part is unknown is one unknown token.
- Left out: learning a vocabulary, which was never published; a vocab.txt is read.
"""

from collections.abc import Collection, Container, Mapping
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike

from upslope.text.bert_words import normalized, words
from upslope.text.token import BadTokenizer, Ids, Token, known_ids, require_text, split_special
from upslope.text.word_cache import WordCache

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LONGEST = 100  # characters of a word that is looked at at all


def longest_match(word: str, vocab: Container[str], *, unknown: str = "[UNK]") -> list[str]:
    """The pieces of one word: at each place the longest one that is in `vocab`, greedily from the left.

    From `start` a piece reaches to end = the largest place for which word[start:end] is a piece, and the next one
    begins there. A piece that does not begin the word is looked for, and returned, with ## before it. Where no piece
    fits, not even one character, the whole word is [unknown]; what was found before that place is given up. The empty
    word has no pieces. With the vocabulary {"un", "una", "##aff", "##f", "##able"} longest_match("unaffable", vocab) is
    ["una", "##f", "##f", "##able"]: greedy, not the fewest, since un ##aff ##able would have been three.
    Wu et al. 2016, section 4.1.
    """
    pieces: list[str] = []
    start = 0
    while start < len(word):
        # Inside a word pieces are marked.
        mark = "##" if start else ""
        # From the rest of the word down to one character.
        ends = range(len(word), start, -1)
        end = next((end for end in ends if mark + word[start:end] in vocab), None)
        # One part that is unknown makes the whole word unknown.
        if end is None:
            return [unknown]
        pieces.append(mark + word[start:end])
        start = end
    return pieces


class WordPiece:
    """BERT's tokenizer, over a vocabulary of pieces in which the place of a piece is its id."""

    def __init__(self, vocab: Mapping[str, int], *, lower: bool = True, accents: bool | None = None) -> None:
        """`lower` for the uncased models; accents stay in the cased ones, unless said otherwise."""
        if "[UNK]" not in vocab:
            raise BadTokenizer(
                "[UNK] is not in the vocabulary: a WordPiece vocab.txt has one piece a line, [UNK] among them"
            )
        self.vocab, self.lower = dict(vocab), lower
        self.accents = not lower if accents is None else accents
        self.special = {name: self.vocab[name] for name in SPECIAL if name in self.vocab}
        self._pieces = {number: piece for piece, number in self.vocab.items()}
        self._ids = WordCache(self._encode_word)

    def __len__(self) -> int:
        return len(self.vocab)

    def encode(self, text: str, *, allowed: Collection[str] = ()) -> Ids:
        """The ids of a text, without [CLS] and [SEP]: (N,)."""
        require_text(text)
        found: list[int] = []
        for _, part, number in split_special(text, self.special, allowed):
            if number is not None:
                found.append(number)
                continue
            prepared = normalized(part, lower=self.lower, accents=self.accents)
            found.extend(chain.from_iterable(self._ids[word] for _, word in words(prepared.text)))
        return np.array(found, dtype=np.int64)

    def tokens(self, text: str, *, allowed: Collection[str] = ()) -> list[Token]:
        """The tokens of a text with their places in it, accents included."""
        require_text(text)
        found: list[Token] = []
        for start, part, number in split_special(text, self.special, allowed):
            if number is not None:
                found.append(Token(number, part, start, start + len(part)))
                continue
            prepared = normalized(part, lower=self.lower, accents=self.accents)
            for place, word in words(prepared.text):
                done = place
                for number in self._ids[word]:
                    piece = self._pieces[number]
                    length = len(word) if piece == "[UNK]" else len(piece) - 2 * (done > place)
                    first, last = prepared.origins[done], prepared.origins[done + length - 1]
                    found.append(Token(number, piece, start + first, start + last + 1))
                    done += length
        return found

    def framed(self, first: str, second: str | None = None, *, longest: int | None = None) -> tuple[Ids, Ids]:
        """[CLS] first [SEP] second [SEP] as BERT reads it: ids and segments, 0 up to the first [SEP] and 1 after it.

        Where that is more than `longest` ids, the end of the first text is left out.
        """
        begins, ends = np.array([self.special["[CLS]"]]), np.array([self.special["[SEP]"]])
        tail = np.concatenate([self.encode(second), ends]) if second is not None else ends[:0]
        room = None if longest is None else max(0, longest - len(tail) - 2)
        head = np.concatenate([begins, self.encode(first)[:room], ends])
        segments = np.repeat(np.array([0, 1]), [len(head), len(tail)])
        return np.concatenate([head, tail]), segments

    def decode(self, ids: ArrayLike, *, skip_special: bool = False) -> str:
        """The pieces of some ids as words with a space between them; case, accents and spacing do not come back.

        `skip_special` leaves out what stands around texts, [CLS], [SEP], [PAD] and [MASK]; an unknown word is a word.
        """
        pieces = [self._pieces[number] for number in known_ids(ids, self._pieces)]
        if skip_special:
            pieces = [piece for piece in pieces if piece not in self.special or piece == "[UNK]"]
        return " ".join(pieces).replace(" ##", "")

    def shown(self, number: int) -> str:
        """The piece of an id."""
        return self._pieces[number]

    def _encode_word(self, word: str) -> tuple[int, ...]:
        pieces = ["[UNK]"] if len(word) > LONGEST else longest_match(word, self.vocab)
        return tuple(self.vocab[piece] for piece in pieces)
