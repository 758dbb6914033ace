"""Byte-level BPE beside `tokenizers` with the same vocabulary and merges; special tokens, streams, long words."""

import pytest

from upslope.text.byte_level import PATTERNS, ByteLevelBPE, byte_characters

pytest.importorskip("regex", reason="the patterns need its classes of characters")

WORDS = ["the", " the", " and", "ing", "  ", "é", "漢", "字", "한글", "123", "'s", "ss", "aaaa"]


@pytest.fixture(scope="module")
def learned():
    """A vocabulary: all bytes, and what merging makes of some words, from left to right."""
    letters = byte_characters()
    tokens, merges = list(letters), []
    for word in WORDS:
        pieces = [letters[byte] for byte in word.encode()]
        whole = pieces[0]
        for piece in pieces[1:]:
            merges.append((whole, piece))
            whole += piece
            tokens.append(whole)
    merges = list(dict.fromkeys(merges))
    return [*dict.fromkeys(tokens), "<|end|>", "<|end|>er"], merges


def made(learned, pattern):
    tokens, merges = learned
    return ByteLevelBPE(tokens, merges, pattern=pattern, special=("<|end|>", "<|end|>er"))


@pytest.mark.parametrize("pattern", ["gpt-2", "smollm"])
@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.deep)])
def test_ids_are_those_of_tokenizers(learned, fuzzed, old, pattern, count):
    tokenizers = pytest.importorskip("tokenizers", reason="it is the independent implementation")
    tokens, merges = learned
    theirs = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges)
    )
    words = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    if pattern == "smollm":
        words = tokenizers.pre_tokenizers.Sequence([tokenizers.pre_tokenizers.Digits(individual_digits=True), words])
    theirs.pre_tokenizer = words
    ours = made(learned, pattern)
    for text in [*fuzzed(count, keep=old), "a  1", "12 345", "it's  the\n\n the", "   ", "", "sssss", "aaaaaaa"]:
        assert ours.encode(text) == theirs.encode(text).ids, repr(text)


def test_every_pattern_gives_the_text_back(learned, fuzzed, old):
    for pattern in PATTERNS:
        ours = made(learned, pattern)
        assert all(ours.decode(ours.encode(text)) == text for text in fuzzed(200, keep=old))


def test_a_special_token_in_a_text_is_text_unless_it_is_allowed(learned):
    ours = made(learned, "gpt-2")
    number = ours.special["<|end|>"]
    assert ours.encode("a<|end|>b", allow_special=True)[1] == number
    assert number not in ours.encode("a<|end|>b")
    assert ours.decode(ours.encode("a<|end|>b")) == "a<|end|>b"
    assert ours.encode("<|end|>er", allow_special=True) == [ours.special["<|end|>er"]]  # the longer one
    assert ours.decode([number, *ours.encode("x")], skip_special=True) == "x"


def test_a_stream_gives_whole_characters(learned):
    ours = made(learned, "gpt-2")
    decoder = ours.decoder()
    pushed = [decoder.push(number) for number in ours.encode("a🙂é")]
    assert "".join(pushed) == "a🙂é"
    assert "\ufffd" not in "".join(pushed)
    assert pushed.count("🙂") == 1
    decoder.push(ours.encode("🙂")[0])
    assert decoder.flush() == "\ufffd"


def test_half_a_surrogate_pair_is_replaced(learned):
    ours = made(learned, "gpt-2")
    assert ours.decode(ours.encode("a\ud800b")) == "a\ufffdb"


def test_a_byte_without_a_token_is_left_out(learned):
    tokens, merges = learned
    ours = ByteLevelBPE([token for token in tokens if token != "Ą"], merges, pattern="gpt-2")
    assert ours.decode(ours.encode("a\x04b")) == "ab"


def test_a_long_word_takes_time_in_proportion():
    """Counted, not timed: how often a pair is looked up."""
    from upslope.text.byte_level import merged

    class Counted(dict):
        lookups = 0

        def get(self, *key):
            self.lookups += 1
            return super().get(*key)

    counts = []
    for length in (10_000, 20_000):
        ranks = Counted({(0, 0): (0, 1), (1, 1): (1, 2), (2, 2): (2, 3)})
        assert merged([0] * length, ranks) == [3] * (length // 8)
        counts.append(ranks.lookups)
    assert counts[1] < 2.1 * counts[0]


def test_what_does_not_fit_is_refused(learned):
    tokens, merges = learned
    with pytest.raises(ValueError, match='no pattern "gpt-3"'):
        ByteLevelBPE(tokens, merges, pattern="gpt-3")
    with pytest.raises(ValueError, match="'q' and 'q' needs the token 'qq'"):
        ByteLevelBPE(tokens, [("q", "q")], pattern="gpt-2")
