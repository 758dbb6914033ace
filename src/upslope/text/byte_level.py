"""Byte-level BPE with a given vocabulary: texts to the tokens of GPT-2, Llama 3 or SmolLM2, and back.

R. Sennrich, B. Haddow, A. Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016,
https://arxiv.org/abs/1508.07909; on bytes: A. Radford et al., "Language Models are Unsupervised Multitask Learners",
2019. Vocabulary and merges come from a published model's file.

- A text is cut into words by a pattern; within a word the pair of tokens that was merged first in training is merged
  first, again and again.
- Bytes are the smallest tokens; a vocabulary shows them as printable characters (a space is Ġ). A byte that a published
  vocabulary lacks (SmolLM2's has no control characters such as 0x04) is left out, as in llama.cpp.
- Special tokens stand for the structure of a chat. In the text of a person they are ordinary characters.
"""

import codecs
import heapq
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

# How words are cut, by the name that GGUF gives the pattern. SmolLM2 takes every digit for a word of its own.
PATTERNS = {
    "gpt-2": r"'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "smollm": r"\p{N}|'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+",
    "llama-bpe": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+"
    ),
}
REMEMBERED = 100_000  # words whose tokens are kept


def byte_characters() -> list[str]:
    """The printable character that stands for each byte: its own Latin-1 character, or one from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(0x100 + others.index(byte)) for byte in range(256)]


class ByteLevelBPE:
    """A tokenizer from a vocabulary, merges in order of rank, and the name of a pattern."""

    def __init__(
        self,
        tokens: Sequence[str],
        merges: Iterable[tuple[str, str]],
        *,
        pattern: str,
        special: Iterable[str] = (),
    ) -> None:
        """`tokens` by id, in printable characters; `special` are those that are never made of text."""
        if pattern not in PATTERNS:
            raise ValueError(f'there is no pattern "{pattern}" for words (patterns: {", ".join(PATTERNS)})')
        self.tokens, self.pattern = list(tokens), pattern
        self.ids = {token: number for number, token in enumerate(self.tokens)}
        self.special = {token: self.ids[token] for token in special}
        letters = byte_characters()
        self._byte_ids = [self.ids.get(letter) for letter in letters]
        self._bytes_of = {letter: byte for byte, letter in enumerate(letters)}
        self._ranks: dict[tuple[int, int], tuple[int, int]] = {}  # a pair of ids -> its rank, and what it becomes
        for rank, (left, right) in enumerate(merges):
            try:
                pair, whole = (self.ids[left], self.ids[right]), self.ids[left + right]
            except KeyError as error:
                raise ValueError(f"the merge of {left!r} and {right!r} needs the token {error}") from None
            self._ranks.setdefault(pair, (rank, whole))
        self._remembered: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def _words(self) -> Any:
        import regex  # type: ignore[import-untyped]

        return regex.compile(PATTERNS[self.pattern])

    @cached_property
    def _specials(self) -> Any:
        import regex

        # Of two that begin alike the longer one counts.
        names = sorted(self.special, key=len, reverse=True)
        return regex.compile("|".join(map(regex.escape, names)))

    def encode(self, text: str, *, allow_special: bool = False, without: str = "") -> list[int]:
        """The ids of a text. `allow_special`: "<|im_end|>" in it is that token, not ten characters.

        `without` is a mark that breaks words which only look like special tokens; it is taken out of what is text.
        """
        if not allow_special or not self.special:
            return self._plain(text)
        ids: list[int] = []
        place = 0
        for found in self._specials.finditer(text):
            ids += self._plain(_without(text[place : found.start()], without))
            ids.append(self.special[found.group()])
            place = found.end()
        return ids + self._plain(_without(text[place:], without))

    def decode(self, ids: Iterable[int], *, skip_special: bool = False) -> str:
        """The text of ids; bytes that are no UTF-8 become U+FFFD."""
        return b"".join(self.bytes_of(number, skip_special=skip_special) for number in ids).decode(errors="replace")

    def decoder(self) -> "StreamDecoder":
        """For ids that come one after the other: gives out characters as soon as they are complete."""
        return StreamDecoder(self)

    def bytes_of(self, number: int, *, skip_special: bool = False) -> bytes:
        """The bytes that a token stands for."""
        token = self.tokens[number]
        if token in self.special:
            return b"" if skip_special else token.encode()
        return bytes(self._bytes_of[letter] for letter in token)

    def token_bytes(self) -> list[bytes]:
        """The bytes of every token; none of those that stand for no text."""
        return [self.bytes_of(number, skip_special=True) for number in range(len(self.tokens))]

    def _plain(self, text: str) -> list[int]:
        if any("\ud800" <= letter <= "\udfff" for letter in text):  # halves of characters have no UTF-8
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        ids: list[int] = []
        for word in self._words.findall(text):
            known = self._remembered.get(word)
            if known is None:
                bytes_ = (self._byte_ids[byte] for byte in word.encode())
                known = merged([number for number in bytes_ if number is not None], self._ranks)
                if len(self._remembered) < REMEMBERED and len(word) < 64:
                    self._remembered[word] = known
            ids += known
        return ids


class StreamDecoder:
    """Ids to text, one at a time: a character of several tokens appears with its last one."""

    def __init__(self, tokenizer: ByteLevelBPE) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, number: int) -> str:
        """What this token completes; a special token is no text."""
        return self._decoder.decode(self._tokenizer.bytes_of(number, skip_special=True))

    def flush(self) -> str:
        """What was left incomplete, as U+FFFD."""
        return self._decoder.decode(b"", True)


def _without(text: str, mark: str) -> str:
    return text.replace(mark, "") if mark else text


def merged(ids: list[int], ranks: Mapping[tuple[int, int], tuple[int, int]]) -> list[int]:
    """Merge the pair of the lowest rank, the leftmost of several, until no pair is left that has one.

    The tokens are a linked list and the pairs stand in a heap, so a word of n bytes takes n log n steps: a megabyte of
    one letter is a word, too.
    """
    after = [*range(1, len(ids)), -1]
    before = list(range(-1, len(ids) - 1))
    ids = list(ids)
    heap: list[tuple[int, int, int, int, int]] = []  # rank, place, the two ids, what they become

    def offer(place: int) -> None:
        other = after[place]
        if other >= 0 and (found := ranks.get((ids[place], ids[other]))):
            heapq.heappush(heap, (found[0], place, ids[place], ids[other], found[1]))

    for place in range(len(ids) - 1):
        offer(place)
    while heap:
        _, place, left, right, whole = heapq.heappop(heap)
        other = after[place]
        if ids[place] != left or other < 0 or ids[other] != right:
            continue  # one of the two has been merged with another neighbour meanwhile
        ids[place], ids[other] = whole, -1
        after[place] = after[other]
        if after[other] >= 0:
            before[after[other]] = place
        offer(place)
        if before[place] >= 0:
            offer(before[place])
    return [number for number in ids if number >= 0]
