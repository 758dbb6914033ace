"""What bits_per_byte must do."""

import math
from functools import partial

import numpy as np

from upslope.checks import grades, wrong
from upslope.checks.expect import close, equal, raises, true
from upslope.checks.samples import spelled
from upslope.text import bits_per_byte as module

TEXTS = ("abc", "To be, or not to be", "naïve café", "Жизнь", "漢字かな", "😀", " \n")


def words(losses, text):
    return f"bits_per_byte({spelled(losses)}, {text!a})"


def ask(losses, text, expected):
    losses = np.asarray(losses, dtype=np.float64)
    close(module.bits_per_byte(losses, text), expected, case=words(losses, text))


@grades(module.bits_per_byte)
def test_by_hand(rng):
    """ln 2 and ln 8 for the text "hé." are 4 bits for 4 bytes, 1.0; so is one token that costs ln 16"""
    ask([math.log(2), math.log(8)], "hé.", 1.0)
    ask([math.log(16)], "hé.", 1.0)


@grades(module.bits_per_byte)
def test_kind(rng):
    """a plain float, not an array"""
    losses = rng.uniform(0, 3, 4)
    got = module.bits_per_byte(losses, "text")
    equal(type(got).__name__, "float", case=words(losses, "text"))


@grades(module.bits_per_byte)
def test_nothing_known(rng):
    """a model that spreads 1 over 256 bytes has 8 bits per byte, in every script"""
    for text in TEXTS:
        ask([math.log(256)] * len(text.encode()), text, 8.0)


@grades(module.bits_per_byte)
def test_random(rng):
    """random losses, with Python's sums"""
    for text in TEXTS:
        losses = rng.uniform(0, 6, rng.integers(1, 9))
        ask(losses, text, math.fsum(value / math.log(2) for value in losses.tolist()) / len(bytes(text, "utf-8")))


@grades(module.bits_per_byte)
def test_tokens_do_not_matter(rng):
    """however the losses are shared out among tokens, the result is the same"""
    losses = rng.uniform(0, 6, 12)
    together = [losses[:5].sum(), losses[5:6].sum(), losses[6:].sum()]
    expected = losses.sum() / math.log(2) / 12
    ask(losses, "twelve bytes", expected)
    ask(together, "twelve bytes", expected)


@grades(module.bits_per_byte)
def test_many_tokens(rng):
    """two million losses in float32 are added in float64"""
    losses = np.full(2_000_000, 1.1, dtype=np.float32)
    losses[0] = 3e7
    expected = (3e7 + 1_999_999 * float(np.float32(1.1))) / math.log(2) / 1_000_000
    got = module.bits_per_byte(losses, "x" * 1_000_000)
    close(got, expected, case="3e7 and 1,999,999 times 1.1 in float32, for a million bytes", rtol=1e-7)


@grades(module.bits_per_byte)
def test_nothing_expected_without_tokens(rng):
    """a text that costs nothing has 0 bits per byte"""
    ask([0.0, 0.0], "ab", 0.0)
    ask([], "ab", 0.0)


@grades(module.bits_per_byte)
def test_refuses(rng):
    """an empty text, and losses that are no single row, are refused"""
    for losses in (np.zeros(0), np.ones(2)):
        raises(ValueError, partial(module.bits_per_byte, losses, ""), case=words(losses, ""), says=("empty",))
    for shape in ((), (2, 3), (1, 1)):
        losses = np.ones(shape)
        raises(ValueError, partial(module.bits_per_byte, losses, "a"), case=words(losses, "a"), says=(str(shape),))


@grades(module.bits_per_byte)
def test_losses_stay(rng):
    """the losses are as before"""
    losses = rng.uniform(0, 3, 5)
    before = losses.copy()
    module.bits_per_byte(losses, "text")
    true(losses.tolist() == before.tolist(), "the losses were changed", case=words(before, "text"), got=spelled(losses))


wrong(
    module.bits_per_byte,
    {
        "nats per byte: the logarithm of 2 is missing": (" / math.log(2)", ""),
        "the logarithm of 2 is multiplied by, not divided by": (" / math.log(2)", " * math.log(2)"),
        "the mean loss of a token, over the bytes of all tokens": (
            "losses.sum(dtype=np.float64)",
            "losses.mean(dtype=np.float64)",
        ),
        "bits per token: the text is not asked for its bytes": ("bits / size", "bits / max(1, len(losses))"),
        "characters are counted, not bytes": ('len(text.encode("utf-8"))', "len(text)"),
        "the losses are added in their own 32 bits": ("losses.sum(dtype=np.float64)", "losses.sum()"),
        "an empty text gives infinity": (
            (
                '        raise ValueError("the text is empty, so there is no byte to share the losses:'
                ' give the text of the tokens")\n'
            ),
            '        return float("inf")\n',
        ),
        "losses of any shape are added up": ("losses.ndim != 1", "losses.ndim > 9"),
        "an array of no dimension comes back, not a float": ("return bits / size", "return np.asarray(bits / size)"),
        "the losses become bits in place": (
            "    # All bits that",
            "    losses /= 1 + 0 * len(losses) + 1e-3\n    # All bits that",
        ),
    },
)
