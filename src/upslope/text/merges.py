"""A byte-level BPE tokenizer as the list of its merges, all that a model's file has to hold of it.

The 256 bytes have the first ids, in the order of their printable characters, and each merge that makes new bytes has
the next one: that is how a vocabulary is numbered that was learned without special tokens (`bpe_training.train`).
"""

from collections.abc import Iterable, Sequence

from upslope.text.bpe import ByteLevelBPE
from upslope.text.byte_alphabet import BYTES, read, written
from upslope.text.token import BadTokenizer


def merges_of(tokenizer: ByteLevelBPE) -> list[list[str]]:
    """The pairs that were joined, in order, as printable characters: [["t", "h"], ["Ġ", "th"]]."""
    merges = [[written(left), written(right)] for left, right in tokenizer.merges]
    if tokenizer.special or from_merges(merges).vocab != tokenizer.vocab:
        raise BadTokenizer(
            "this tokenizer is more than its merges: it numbers its tokens otherwise, or has special ones"
        )
    return merges


def from_merges(merges: Iterable[Sequence[str]]) -> ByteLevelBPE:
    """The tokenizer of such a list."""
    pairs = [(read(left), read(right)) for left, right in merges]
    ids = {piece: number for number, piece in enumerate(BYTES)}
    for left, right in pairs:
        ids.setdefault(left + right, len(ids))
    return ByteLevelBPE(ids, pairs)
