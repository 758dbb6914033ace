"""The likeliest way to cut a text into pieces, among all that there are.

A. Viterbi, "Error Bounds for Convolutional Codes and an Asymptotically Optimum Decoding Algorithm", 1967, for pieces
of text as in T. Kudo, "Subword Regularization: Improving Neural Network Translation Models with Multiple Subword
Candidates", 2018, https://arxiv.org/abs/1804.10959.
"""

from collections.abc import Mapping
from math import inf


def viterbi(text: str, scores: Mapping[str, float], *, longest: int, unknown: float) -> list[str]:
    """The pieces that make up `text` and whose scores have the highest sum.

    `scores` holds a piece's score, its log-probability; no piece has more than `longest` characters. A single character
    that is no piece may be used all the same, with the score `unknown`, so every text can be cut. Of two ways to end at
    one place with the same sum, the one whose last piece is longer is taken. The empty text has no pieces. The best way
    to a place is the best way to an earlier place and one piece more:

        best[end] = max over start of best[start] + score(text[start:end]),  best[0] = 0

    and the pieces are found from the end backwards. With the scores h -3, u -3, g -3, hu -4, ug -3.5 the call
    viterbi("hug", scores, longest=2, unknown=-9) is ["h", "ug"], with -6.5: hu g has -7, and h u g has -9. Kudo 2018,
    section 3.1.
    """
    best, begins = [0.0], [0]
    for end in range(1, len(text) + 1):
        highest, begin = -inf, end - 1
        # The longest piece first: where sums are equal it stays.
        for start in range(max(0, end - longest), end):
            score = scores.get(text[start:end])
            if score is None:
                # Only a single character may be unknown.
                if start < end - 1:
                    continue
                score = unknown
            if best[start] + score > highest:
                highest, begin = best[start] + score, start
        best.append(highest)
        begins.append(begin)
    # From the end back to the beginning, each place knows where its piece began.
    pieces: list[str] = []
    end = len(text)
    while end > 0:
        pieces.append(text[begins[end] : end])
        end = begins[end]
    return pieces[::-1]


def viterbi_of_long_text(
    text: str, scores: Mapping[str, float], *, longest: int, unknown: float, lowest: float = -1e5
) -> list[str]:
    """What `viterbi` gives for a text of any length, with scores in single precision.

    Sums of a million need so many digits that the difference of two pieces is lost. Only differences count, so when the
    best sum falls below `lowest` it is taken off all sums that are still asked for, where SentencePiece does it, too.
    """
    best, begins = [0.0], [0]
    for end in range(1, len(text) + 1):
        highest, begin = -inf, end - 1
        for start in range(max(0, end - longest), end):
            score = scores.get(text[start:end], unknown if start == end - 1 else None)
            if score is not None and best[start] + score > highest:
                highest, begin = best[start] + score, start
        best.append(highest)
        begins.append(begin)
        if highest < lowest:
            for place in range(max(0, end - longest), end + 1):
                best[place] = best[place] - highest
    pieces: list[str] = []
    end = len(text)
    while end > 0:
        pieces.append(text[begins[end] : end])
        end = begins[end]
    return pieces[::-1]
