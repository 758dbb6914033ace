"""Learning the pieces of a unigram tokenizer: begin with too many, and take away what is missed least.

T. Kudo, "Subword Regularization: Improving Neural Network Translation Models with Multiple Subword Candidates", 2018,
section 3.2, https://arxiv.org/abs/1804.10959.

1. Frequent substrings of words are the first pieces, a few for each that is wanted.
2. Expectation-maximization: how often is each piece expected in all ways to cut every word (`expected_counts`), and
   which probabilities make the text likeliest, given these counts? As in SentencePiece the digamma function stands for
   the logarithm, which makes rare pieces rarer (variational Bayes).
3. Every piece is asked what the text would lose without it, and the quarter that is missed least is taken away.
   Single characters stay, so that every word can be cut. 2 and 3 are repeated until as many are left as wanted.

Left out: pieces across spaces, and the suffix array, with which substrings longer than words could be counted.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from heapq import nlargest
from math import exp, inf, log

from upslope.text.sentencepiece_file import CONTROL, UNKNOWN, Piece, SentencePieceModel
from upslope.text.space_marks import SPACE, SpaceMarks, nfkc_replacements
from upslope.text.token import BadTokenizer, require_text
from upslope.text.unigram import Unigram
from upslope.text.viterbi import viterbi

Words = Sequence[tuple[str, int]]

LONGEST = 16  # characters of a piece
_SEEDS = 10  # first pieces for each that is wanted
_KEPT = 0.75  # of the pieces that may go, in a round
_ROUNDS = 2  # of expectation-maximization between two prunings
_RARE = 0.5  # a piece that is expected less often than this is dropped
_NEVER = -1e9  # the score of a character that is no piece; all of them are


def expected_counts(word: str, scores: Mapping[str, float], *, longest: int) -> tuple[dict[str, float], float]:
    """How often each piece is expected in a word, over all ways to cut it, and the logarithm of the word's probability.

    A way to cut the word is as probable as the product of its pieces' probabilities, whose logarithms are `scores`; the
    word's probability is the sum over all ways. In the sum a piece text[start:end] has the share

        exp(before[start] + score + after[end] - before[len(word)])

    where `before` sums up all ways from the beginning to a place, and `after` from there to the end. With the
    probabilities a 1/2, b 1/4, ab 1/4 the word "ab" is cut as a b with 1/8 and as ab with 1/4: a and b are expected 1/3
    times each, ab 2/3 times, and the logarithm is ln 3/8. Pieces with no share are left out. Kudo 2018, section 3.2.
    """
    size = len(word)
    edges = [
        (start, end, scores[word[start:end]])
        for end in range(1, size + 1)
        for start in range(max(0, end - longest), end)
        if word[start:end] in scores
    ]
    # All ways from the beginning to each place: edges come in the order of their ends.
    before = [0.0] + [-inf] * size
    for start, end, score in edges:
        before[end] = _log_sum(before[end], before[start] + score)
    # All ways from each place to the end, backwards.
    after = [-inf] * size + [0.0]
    for start, end, score in sorted(edges, reverse=True):
        after[start] = _log_sum(after[start], after[end] + score)
    counts: dict[str, float] = defaultdict(float)
    for start, end, score in edges:
        share = before[start] + score + after[end] - before[size]
        if share > -inf:
            counts[word[start:end]] += exp(share)
    return dict(counts), before[size]


def train(texts: Iterable[str], *, size: int, special: Sequence[str] = ("<pad>", "</s>", "<unk>")) -> Unigram:
    """A unigram tokenizer of `size` pieces learned from texts, the special ones first; <unk> is among them.

    It has fewer where the texts hold fewer substrings that occur twice. Texts are prepared by NFKC, and every blank is
    a space.
    """
    replacements = nfkc_replacements()
    if "<unk>" not in special:
        raise BadTokenizer(f"a unigram model has a piece <unk> for what is unknown, and {list(special)} lacks it")
    words = split_words(texts, replacements)
    wanted = size - len(special)
    characters = {character for word, _ in words for character in word}
    if wanted < len(characters) or not characters:
        raise BadTokenizer(f"size={size}: the texts have {len(characters)} characters, each of them a piece")
    scores = first_pieces(words, count=_SEEDS * wanted)
    while True:
        for _ in range(_ROUNDS):
            scores = maximize(words, scores, at_least=wanted)
        if len(scores) <= wanted:
            break
        scores = prune(words, scores, count=max(wanted, int(_KEPT * len(scores))))
    kinds = {name: UNKNOWN if name == "<unk>" else CONTROL for name in special}
    ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    pieces = [*(Piece(name, 0.0, kind) for name, kind in kinds.items()), *(Piece(*item) for item in ordered)]
    return Unigram(SentencePieceModel(tuple(pieces)), replacements=replacements)


def split_words(texts: Iterable[str], replacements: Mapping[str, str]) -> Words:
    """The words of texts with the mark of the space before them, and how often each occurs."""
    marks, counted = SpaceMarks(replacements), Counter[str]()
    for text in texts:
        require_text(text)
        prepared, _ = marks.prepare(text)
        counted.update(SPACE + word for word in prepared.split(SPACE)[1:])
    return sorted(counted.items())


def first_pieces(words: Words, *, count: int) -> dict[str, float]:
    """All characters, and the substrings that occur twice and cover most characters: scores are log-probabilities."""
    occurs: dict[str, int] = defaultdict(int)
    for word, times in words:
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + LONGEST) + 1):
                occurs[word[start:end]] += times
    characters = {piece: times for piece, times in occurs.items() if len(piece) == 1}
    longer = ((times * len(piece), piece) for piece, times in occurs.items() if len(piece) > 1 and times > 1)
    best = nlargest(max(count - len(characters), 0), longer)
    chosen = {**characters, **{piece: occurs[piece] for _, piece in best}}
    total = log(sum(chosen.values()))
    return {piece: log(times) - total for piece, times in chosen.items()}


def maximize(words: Words, scores: Mapping[str, float], *, at_least: int) -> dict[str, float]:
    """One round of expectation-maximization: new scores.

    Pieces that are hardly expected at all are dropped, as long as `at_least` so many stay.
    """
    counts: dict[str, float] = defaultdict(float)
    for word, times in words:
        found, _ = expected_counts(word, scores, longest=LONGEST)
        for piece, count in found.items():
            counts[piece] += times * count
    enough = set(nlargest(at_least, scores, key=lambda piece: (len(piece) == 1, counts[piece], piece)))
    kept = {piece: max(counts[piece], _RARE) for piece in scores if counts[piece] >= _RARE or piece in enough}
    total = digamma(sum(kept.values()))
    return {piece: digamma(count) - total for piece, count in kept.items()}


def prune(words: Words, scores: Mapping[str, float], *, count: int) -> dict[str, float]:
    """The `count` pieces that the words would miss most; single characters always stay.

    Without a piece, what is cut into it is cut into the next best pieces: the loss is how much less likely that makes
    the text, with the probabilities as they are, times how often it is used in the best cuts.
    """
    used: dict[str, int] = defaultdict(int)
    for word, times in words:
        for piece in viterbi(word, scores, longest=LONGEST, unknown=_NEVER):
            used[piece] += times
    losses: list[tuple[float, str]] = []
    for piece, score in scores.items():
        if len(piece) == 1:
            continue
        # What the piece itself would be cut into, were it not there: into shorter ones.
        others = viterbi(piece, scores, longest=len(piece) - 1, unknown=_NEVER)
        losses.append((used[piece] * (score - sum(scores[other] for other in others)), piece))
    single = {piece for piece in scores if len(piece) == 1}
    kept = single | {piece for _, piece in nlargest(max(count - len(single), 0), losses)}
    return {piece: score for piece, score in scores.items() if piece in kept}


def digamma(x: float) -> float:
    """The derivative of the logarithm of the gamma function, for x > 0: by recurrence to 6, then asymptotically.

    M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", 1964, 6.3.5 and 6.3.18.
    """
    below = 0.0
    while x < 6:
        below -= 1 / x
        x += 1
    squared = 1 / (x * x)
    return below + log(x) - 0.5 / x - squared * (1 / 12 - squared * (1 / 120 - squared * (1 / 252 - squared / 240)))


def _log_sum(a: float, b: float) -> float:
    """log(exp(a) + exp(b))."""
    if a < b:
        a, b = b, a
    return a if b == -inf else a + log(1 + exp(b - a))
