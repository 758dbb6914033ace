"""Byte pair encoding on bytes: any text as tokens of a vocabulary that was learned by joining frequent neighbours.

P. Gage, "A New Algorithm for Data Compression", 1994; for words: R. Sennrich, B. Haddow, A. Birch, "Neural Machine
Translation of Rare Words with Subword Units", 2016, https://arxiv.org/abs/1508.07909; on bytes: A. Radford et al.,
"Language Models are Unsupervised Multitask Learners" (GPT-2), 2019.

- Symbols are joined in the order in which training joined them, which `encode_word` does as the papers describe it.
- A word that was met before is looked up. Long words are joined with a heap, in n log n steps; in a language with
  spaces there are none, but a text may be one letter 200,000 times.
- A byte that a published vocabulary lacks (SmolLM2's has no control characters such as 0x04) is left out where the
  caller says so, as in llama.cpp; otherwise such a vocabulary is refused, because not every text comes back.
- Left out: dropping merges at random (BPE-dropout), a prefix or suffix that marks the ends of words.

The vocabulary is learned in `bpe_training.py`.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import chain, pairwise
from math import inf
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from upslope.text.byte_alphabet import written
from upslope.text.pretokenize import GPT2, splitter, words_with_places
from upslope.text.stream_decoder import StreamDecoder
from upslope.text.token import BadTokenizer, Ids, Token, known_ids, require_text, split_special
from upslope.text.word_cache import WordCache

Symbol = TypeVar("Symbol", bound=Hashable)
Ranks = Mapping[tuple[bytes, bytes], int]

SHORT = 64  # symbols up to which a word is joined without a heap

_BYTES = tuple(bytes([byte]) for byte in range(256))


def merge(symbols: Sequence[Symbol], pair: tuple[Symbol, Symbol], merged: Symbol) -> list[Symbol]:
    """The symbols with each occurrence of `pair`, two neighbours, replaced by the one symbol `merged`.

    Occurrences are found from the left and do not overlap: of three equal symbols the first two are joined. What was
    joined is not looked at again. So len(result) = len(symbols) - occurrences. The symbols may be bytes, strings or
    ids; the sequence that was given stays as it is. merge(["h", "u", "g", "s"], ("u", "g"), "ug") is ["h", "ug", "s"],
    and merge([7, 7, 7], (7, 7), 8) is [8, 7].
    Sennrich et al. 2016, algorithm 1.
    """
    joined: list[Symbol] = []
    # From left to right, over all symbols.
    place = 0
    while place < len(symbols):
        # Where this symbol and the next one make the pair, both are used up.
        if symbols[place] == pair[0] and place + 1 < len(symbols) and symbols[place + 1] == pair[1]:
            joined.append(merged)
            place += 2
        else:
            joined.append(symbols[place])
            place += 1
    return joined


def encode_word(symbols: Sequence[bytes], ranks: Ranks) -> list[bytes]:
    """The symbols of one word, joined until no two neighbours are a pair of `ranks`.

    `ranks` numbers the pairs in the order in which training joined them, from 0. Again and again, of all pairs of
    neighbours the one of lowest rank is joined, at the first place where it occurs: joined = left + right. It is never
    the most frequent, the first or the longest pair that counts, only the rank. A word of one symbol, or of none,
    stays as it is; so does the sequence that was given. With the ranks {(u, g): 0, (u, n): 1, (h, ug): 2}, all of them
    bytes, h u g s becomes h ug s and then hug s: the result is [b"hug", b"s"]. Sennrich et al. 2016, section 3.2.
    """
    joined = list(symbols)
    # The rank of each symbol with the one after it.
    waiting = [ranks.get(pair, inf) for pair in pairwise(joined)]
    while waiting:
        # The pair that was learned first; if not even that one was learned, the word is done.
        first = min(waiting)
        if first == inf:
            break
        place = waiting.index(first)
        joined[place : place + 2] = [joined[place] + joined[place + 1]]
        del waiting[place]
        # The new symbol has other ranks with the neighbours on its two sides.
        if place > 0:
            waiting[place - 1] = ranks.get((joined[place - 1], joined[place]), inf)
        if place < len(waiting):
            waiting[place] = ranks.get((joined[place], joined[place + 1]), inf)
    return joined


def encode_long_word(symbols: Sequence[bytes], ranks: Ranks) -> list[bytes]:
    """What `encode_word` gives, in n log n steps: pairs wait in a heap, symbols know their neighbours."""
    joined: list[bytes | None] = list(symbols)
    count = len(joined)
    after, before = list(range(1, count + 1)), list(range(-1, count - 1))
    waiting = [(ranks[pair], place) for place, pair in enumerate(pairwise(symbols)) if pair in ranks]
    heapify(waiting)

    def rank_at(place: int) -> int | None:
        left, right = joined[place], joined[after[place]] if after[place] < count else None
        return None if left is None or right is None else ranks.get((left, right))

    while waiting:
        rank, place = heappop(waiting)
        # What has been joined meanwhile is not the pair that was put there.
        if rank_at(place) != rank:
            continue
        gone = after[place]
        left, right = joined[place], joined[gone]
        assert left is not None
        assert right is not None
        joined[place], joined[gone] = left + right, None
        after[place] = after[gone]
        if after[place] < count:
            before[after[place]] = place
        for changed in (before[place], place):
            if changed >= 0 and (new := rank_at(changed)) is not None:
                heappush(waiting, (new, changed))
    return [symbol for symbol in joined if symbol is not None]


class ByteLevelBPE:
    """A byte-level BPE tokenizer: a vocabulary of byte strings, and the pairs that were joined, in order."""

    def __init__(
        self,
        vocab: Mapping[bytes, int],
        merges: Sequence[tuple[bytes, bytes]],
        *,
        special: Mapping[str, int] | None = None,
        pattern: str = GPT2,
        lossy: bool = False,
    ) -> None:
        """`lossy`: bytes that are not in the vocabulary are left out of a text."""
        missing = next((byte for byte in _BYTES if byte not in vocab), None)
        if missing is not None and not lossy:
            raise BadTokenizer(f"the byte 0x{missing[0]:02x} is not in the vocabulary, so not every text has tokens")
        lost = next((pair for pair in merges if pair[0] + pair[1] not in vocab), None)
        if lost is not None:
            raise BadTokenizer(f"{written(lost[0])} and {written(lost[1])} make a token that is not in the vocabulary")
        self.vocab, self.merges, self.pattern = dict(vocab), list(merges), pattern
        self.special = dict(special or {})
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self._bytes = {number: piece for piece, number in self.vocab.items()}
        self._bytes |= {number: name.encode() for name, number in self.special.items()}
        self._special_ids = frozenset(self.special.values())
        self._letters = tuple(byte if byte in self.vocab else None for byte in _BYTES)
        self._split = splitter(pattern)
        self._ids = WordCache(self._encode_word)

    def __len__(self) -> int:
        return len(self._bytes)

    def encode(self, text: str, *, allowed: Collection[str] = ()) -> Ids:
        """The ids of a text: (N,). Special tokens in it are plain text, except those that are `allowed`."""
        require_text(text)
        ids = chain.from_iterable(
            map(self._ids.__getitem__, self._split(part)) if number is None else [(number,)]
            for _, part, number in split_special(text, self.special, allowed)
        )
        return np.fromiter(chain.from_iterable(ids), dtype=np.int64)

    def tokens(self, text: str, *, allowed: Collection[str] = ()) -> list[Token]:
        """The tokens of a text with their places in it; a token of some of a character's bytes covers the character."""
        require_text(text)
        found: list[Token] = []
        for start, part, number in split_special(text, self.special, allowed):
            if number is not None:
                found.append(Token(number, part, start, start + len(part)))
                continue
            for place, word in words_with_places(part, self.pattern):
                # The character to which each byte belongs.
                owner = [
                    start + place + k
                    for k, character in enumerate(word)
                    for byte in character.encode()
                    if self._letters[byte] is not None
                ]
                done = 0
                for number in self._ids[word]:
                    piece = self._bytes[number]
                    last = done + len(piece)
                    found.append(Token(number, written(piece), owner[done], owner[last - 1] + 1))
                    done = last
        return found

    def decode(self, ids: ArrayLike, *, skip_special: bool = False) -> str:
        """The text of some ids; bytes that are no whole character, at a cut, become U+FFFD."""
        pieces = (self.bytes_of(number, skip_special=skip_special) for number in known_ids(ids, self._bytes))
        return b"".join(pieces).decode(errors="replace")

    def decoder(self) -> StreamDecoder:
        """For ids that come one after the other: characters as soon as they are whole, and no special tokens."""
        return StreamDecoder(lambda number: self.bytes_of(number, skip_special=True))

    def bytes_of(self, number: int, *, skip_special: bool = False) -> bytes:
        """The bytes that an id stands for; of a special token, which is no text, none if `skip_special`."""
        return b"" if skip_special and number in self._special_ids else self._bytes[number]

    def token_bytes(self) -> list[bytes]:
        """The bytes of every id from 0 on; none of those that stand for no text."""
        return [
            self.bytes_of(number, skip_special=True) if number in self._bytes else b""
            for number in range(max(self._bytes) + 1)
        ]

    def shown(self, number: int) -> str:
        """The piece of an id as text; bytes that are no whole character as \\xf0."""
        return self._bytes[number].decode(errors="backslashreplace")

    def _encode_word(self, word: str) -> tuple[int, ...]:
        symbols = [letter for byte in word.encode() if (letter := self._letters[byte]) is not None]
        joined = (encode_word if len(symbols) <= SHORT else encode_long_word)(symbols, self.ranks)
        return tuple(self.vocab[symbol] for symbol in joined)
