"""Tokenizers of published models beside `tokenizers` with the same vocabulary; streams; bytes that have no token."""

import json

import pytest

from upslope.text.byte_alphabet import CHARACTER
from upslope.text.pretokenize import PATTERNS
from upslope.text.published import PublishedTokenizer, of_vocabulary
from upslope.text.token import BadTokenizer, whole_characters

WORDS = ["the", " the", " and", "ing", "  ", "é", "漢", "字", "한글", "123", "'s", "ss", "aaaa"]
SPECIAL = ("<|end|>", "<|end|>er", "<two words>")
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "he", "##lo", "hel", "##l", "##o", "e", "##e", "t", "##he", "i"]
PIECES += [*"abcdfghlmnoprsu0123.,!?-_$^`", "##s", "##d", "##1", "##i", "σ", "##σ", "漢", "字", "ss", "ð", "##²", "½"]


@pytest.fixture(scope="module")
def learned():
    """A vocabulary: all bytes, and what merging makes of some words, from left to right."""
    tokens, merges = [CHARACTER[byte] for byte in range(256)], []
    for word in WORDS:
        pieces = [CHARACTER[byte] for byte in word.encode()]
        whole = pieces[0]
        for piece in pieces[1:]:
            merges.append((whole, piece))
            whole += piece
            tokens.append(whole)
    merges = list(dict.fromkeys(merges))
    return [*dict.fromkeys(tokens), *SPECIAL], merges


def described(learned, pattern="gpt-2", *, without=""):
    tokens, merges = learned
    return PublishedTokenizer(
        kind="byte-level-bpe",
        tokens=[token for token in tokens if token != without],
        merges=[" ".join(pair) for pair in merges],
        pattern=pattern,
        special=SPECIAL,
    )


def made(learned, pattern="gpt-2", **given):
    return described(learned, pattern, **given).byte_level()


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
        assert ours.encode(text).tolist() == theirs.encode(text).ids, repr(text)


def test_every_pattern_gives_the_text_back(learned, fuzzed, old):
    for pattern in PATTERNS:
        ours = made(learned, pattern)
        assert all(ours.decode(ours.encode(text)) == text for text in fuzzed(200, keep=old))


def test_a_special_token_in_a_text_is_text_unless_it_is_allowed(learned):
    ours = made(learned)
    number = ours.special["<|end|>"]
    assert ours.encode("a<|end|>b", allowed=SPECIAL)[1] == number
    assert number not in ours.encode("a<|end|>b")
    assert ours.decode(ours.encode("a<|end|>b")) == "a<|end|>b"
    assert ours.encode("<|end|>er", allowed=SPECIAL).tolist() == [ours.special["<|end|>er"]]  # the longer one
    assert ours.decode([number, *ours.encode("x")], skip_special=True) == "x"
    assert ours.decode(ours.encode("x<two words>", allowed=SPECIAL)) == "x<two words>"


def test_a_special_token_that_merges_make_is_made_of_text_as_well(learned):
    tokens = learned[0][: -len(SPECIAL)]
    merges = [" ".join(pair) for pair in learned[1]]
    ours = PublishedTokenizer("byte-level-bpe", tokens, merges, pattern="gpt-2", special=("ss",)).byte_level()
    assert ours.encode("ss").tolist() == [tokens.index("ss")]


def test_a_stream_gives_whole_characters(learned):
    ours = made(learned)
    decoder = ours.decoder()
    pushed = [decoder.push(number) for number in ours.encode("a🙂é").tolist()]
    assert "".join(pushed) == "a🙂é"
    assert "\ufffd" not in "".join(pushed)
    assert pushed.count("🙂") == 1
    assert decoder.push(ours.special["<|end|>"]) == ""
    decoder.push(int(ours.encode("🙂")[0]))
    assert decoder.flush() == "\ufffd"


def test_half_a_surrogate_pair_is_replaced():
    assert whole_characters("a\ud800b") == "a\ufffdb"
    assert whole_characters("a\ud83d\ude42b") == "a🙂b"
    assert whole_characters("naïve 🙂") == "naïve 🙂"


def test_a_byte_without_a_token_is_left_out(learned):
    ours = made(learned, without=CHARACTER[4])
    assert ours.decode(ours.encode("a\x04b")) == "ab"
    found = ours.tokens("a\x04the\x04 é")
    assert [token.id for token in found] == ours.encode("a\x04the\x04 é").tolist()
    assert ["a\x04the\x04 é"[token.start : token.end] for token in found] == ["a", "the", " ", "é"]


def test_what_does_not_fit_is_refused(learned):
    tokens, _ = learned
    with pytest.raises(ValueError, match='no pattern "gpt-3"'):
        made(learned, "gpt-3")
    with pytest.raises(BadTokenizer, match="q and q make a token that is not in the vocabulary"):
        made((tokens, [("q", "q")]))
    with pytest.raises(ValueError, match="is not BERT's"):
        described(learned).wordpiece()


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.deep)])
def test_ids_of_words_are_those_of_tokenizers(fuzzed, keep, lowercase, count):
    tokenizers = pytest.importorskip("tokenizers", reason="it is the independent implementation")
    theirs = tokenizers.Tokenizer(
        tokenizers.models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]")
    )
    theirs.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=lowercase)
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    ours = PublishedTokenizer("wordpiece", PIECES, [], lowercase=lowercase).wordpiece()
    for text in [*fuzzed(count, keep=keep), "", "Hello the\ufffd\0", "he" * 60, "Ὀδυσσεύς ΣΑΣ", "the\x85the"]:
        assert ours.encode(text).tolist() == theirs.encode(text).ids, repr(text)


def test_both_kinds_of_files_are_read(tmp_path):
    tokenizers = pytest.importorskip("tokenizers", reason="it writes the file")
    (tmp_path / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    theirs = tokenizers.BertWordPieceTokenizer({piece: i for i, piece in enumerate(PIECES)}, lowercase=True)
    theirs.enable_truncation(8)
    theirs.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "dos.txt").write_text("\r\n".join(PIECES) + "\r\n", encoding="utf-8", newline="")
    read = [of_vocabulary(tmp_path / name) for name in ("vocab.txt", "tokenizer.json", "dos.txt")]
    assert read[0] == read[1] == read[2]
    assert read[0].tokens == PIECES
    again = PublishedTokenizer.from_json(read[0].to_json())
    assert again == read[0]
    ours = again.wordpiece()
    assert ours.decode(ours.encode("hello the!")) == "hello the !"
    assert ours.decode(ours.framed("hello Ж!")[0], skip_special=True) == "hello [UNK] !"
    with pytest.raises(ValueError, match="continues no texts"):
        again.byte_level()


def test_a_piece_keeps_its_id_where_the_line_before_it_is_empty(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join([*PIECES[:4], "", *PIECES[4:]]), encoding="utf-8")
    assert of_vocabulary(tmp_path / "vocab.txt").wordpiece().encode("the").tolist() == [5]


def test_what_is_no_vocabulary_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(BadTokenizer, match=r"tokenizer\.json is no tokenizer\.json"):
        of_vocabulary(tmp_path / "tokenizer.json")
    model = {"type": "WordPiece", "vocab": {"[UNK]": 0}}
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}), encoding="utf-8")
    with pytest.raises(BadTokenizer, match=r"tokenizer\.json is a damaged tokenizer\.json: KeyError 'normalizer'"):
        of_vocabulary(tmp_path / "tokenizer.json")
    with pytest.raises(ValueError, match=r"\[CLS\], \[SEP\], \[PAD\]"):
        PublishedTokenizer("wordpiece", ["[UNK]", "a"], []).wordpiece()
