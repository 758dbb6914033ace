"""Learning the merges of byte pair encoding from a text, with counts that are kept up to date.

R. Sennrich, B. Haddow, A. Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016, algorithm 1,
https://arxiv.org/abs/1508.07909. Each round joins the most frequent pair of neighbours, everywhere.

- Words are counted first: a word that occurs 10,000 times is joined once.
- After a round only the words that held the pair are counted anew.
- The most frequent pair is looked for among a few hundred that are frequent enough; all are sorted again only when
  those are used up.

Of pairs equally frequent the one whose ids are lower comes first, as in Hugging Face's trainer, so that both learn the
same merges in the same order.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import nlargest
from itertools import pairwise

from upslope.text.bpe import ByteLevelBPE, merge
from upslope.text.byte_alphabet import BYTES
from upslope.text.pretokenize import GPT2, splitter
from upslope.text.token import BadTokenizer, require_text

Pair = tuple[int, int]

_CANDIDATES = 256  # frequent pairs that are kept apart
SMALLEST = 256


def count_pairs(words: Iterable[tuple[Sequence[int], int]]) -> dict[Pair, int]:
    """How often each pair of neighbours occurs in words, each given with how often it occurs itself.

    Pairs are neighbours within a word, in order, and may overlap: 7 7 7 holds (7, 7) twice. For the words h u g, 10
    times, and p u g, 5 times, as [([1, 2, 3], 10), ([4, 2, 3], 5)], it is {(1, 2): 10, (2, 3): 15, (4, 2): 5}.
    """
    counts: dict[Pair, int] = defaultdict(int)
    for symbols, times in words:
        # Each symbol with the one after it; the last one has none.
        for pair in pairwise(symbols):
            counts[pair] += times
    return dict(counts)


def most_frequent_pair(counts: Mapping[Pair, int]) -> Pair:
    """The pair with the highest count; of several, the one whose first id is lowest, then whose second id is.

    most_frequent_pair({(1, 2): 10, (4, 2): 15, (2, 3): 15}) is (2, 3): as frequent as (4, 2), and 2 < 4. ValueError
    where there are no pairs.
    """
    if not counts:
        raise ValueError("there are no pairs to choose from")
    # Highest count first, then lowest ids: the smallest of (-count, pair).
    return min(counts, key=lambda pair: (-counts[pair], pair))


class PairCounts:
    """The counts of all pairs, and which words hold them, while words change."""

    def __init__(self, words: Sequence[tuple[Sequence[int], int]]) -> None:
        self.words = [list(symbols) for symbols, _ in words]
        self.times = [times for _, times in words]
        self.counts = count_pairs(words)
        self.holders: dict[Pair, set[int]] = defaultdict(set)
        for number, symbols in enumerate(self.words):
            for pair in pairwise(symbols):
                self.holders[pair].add(number)
        self._candidates: dict[Pair, int] = {}
        self._least = 0

    def most_frequent(self) -> Pair | None:
        """The pair to join next, None where no word has two symbols."""
        if not self._candidates:
            if not self.counts:
                return None
            # Every pair outside is rarer than `least`, so the most frequent of these is the most frequent of all.
            self._least = nlargest(_CANDIDATES, self.counts.values())[-1]
            self._candidates = {pair: count for pair, count in self.counts.items() if count >= self._least}
        return most_frequent_pair(self._candidates)

    def join(self, pair: Pair, merged: int) -> None:
        """Replace the pair in every word that holds it, and bring the counts up to date."""
        changed: dict[Pair, int] = defaultdict(int)
        for number in self.holders.pop(pair):
            before, times = self.words[number], self.times[number]
            after = merge(before, pair, merged)
            if len(after) == len(before):  # it held the pair once, and another merge took it apart
                continue
            self.words[number] = after
            for gone in pairwise(before):
                changed[gone] -= times
            for come in pairwise(after):
                changed[come] += times
                self.holders[come].add(number)
        for each, change in changed.items():
            if not change:
                continue
            count = self.counts.get(each, 0) + change
            if count:
                self.counts[each] = count
            else:
                del self.counts[each]
                self.holders.pop(each, None)
            if count and count >= self._least:
                self._candidates[each] = count
            else:
                self._candidates.pop(each, None)


def train(
    texts: Iterable[str],
    *,
    size: int,
    special: Sequence[str] = (),
    least: int = 2,
    pattern: str = GPT2,
    progress: Callable[[int], object] | None = None,
) -> ByteLevelBPE:
    """A tokenizer of `size` tokens learned from texts: special tokens, 256 bytes, and merges.

    It has fewer where no pair is left that occurs `least` times. `progress` is called with the number of each token.
    """
    if size < SMALLEST + len(special):
        raise BadTokenizer(
            f"size={size}: a byte-level vocabulary has {SMALLEST + len(special)} tokens before the first merge"
        )
    split, counted = splitter(pattern), Counter[str]()
    for text in texts:
        require_text(text)
        counted.update(split(text))
    pieces = [*(name.encode() for name in special), *BYTES]
    ids = {piece: len(special) + number for number, piece in enumerate(BYTES)}
    byte_ids = [ids[bytes([byte])] for byte in range(256)]
    pairs = PairCounts([([byte_ids[byte] for byte in word.encode()], times) for word, times in counted.items()])
    merges: list[tuple[bytes, bytes]] = []
    while len(pieces) < size:
        pair = pairs.most_frequent()
        if pair is None or pairs.counts[pair] < max(least, 1):
            break
        left, right = pieces[pair[0]], pieces[pair[1]]
        # Two pairs may make the same bytes: then it is the same token.
        merged = ids.setdefault(left + right, len(pieces))
        if merged == len(pieces):
            pieces.append(left + right)
        merges.append((left, right))
        pairs.join(pair, merged)
        if progress is not None:
            progress(len(pieces))
    return ByteLevelBPE(ids, merges, special={name: number for number, name in enumerate(special)}, pattern=pattern)
