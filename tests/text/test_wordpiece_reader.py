"""WordPiece with a given vocabulary beside `tokenizers`, from both kinds of files."""

import json

import pytest

from upslope.runs.errors import DataProblem
from upslope.text.published import PublishedTokenizer, of_vocabulary
from upslope.text.wordpiece_reader import WordPiece, read_vocabulary

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "he", "##lo", "hel", "##l", "##o", "e", "##e", "t", "##he", "i"]
TOKENS += [*"abcdfghlmnoprsu0123.,!?-_$^`", "##s", "##d", "##1", "##i", "σ", "##σ", "漢", "字", "ss", "ð", "##²", "½"]


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.deep)])
def test_ids_are_those_of_tokenizers(fuzzed, old, lowercase, count):
    tokenizers = pytest.importorskip("tokenizers", reason="it is the independent implementation")
    theirs = tokenizers.Tokenizer(
        tokenizers.models.WordPiece({token: i for i, token in enumerate(TOKENS)}, unk_token="[UNK]")
    )
    theirs.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=lowercase)
    theirs.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    ours = WordPiece(TOKENS, lowercase=lowercase)
    for text in [*fuzzed(count, keep=old), "", "Hello the\ufffd\0", "he" * 60, "Ὀδυσσεύς ΣΑΣ", "the\x85the"]:
        assert ours.encode(text)[1:-1] == theirs.encode(text).ids, repr(text)


def test_both_kinds_of_files_are_read(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    vocabulary = {"model": {"vocab": {token: i for i, token in enumerate(TOKENS)}}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    assert read_vocabulary(tmp_path / "vocab.txt") == read_vocabulary(tmp_path / "tokenizer.json") == TOKENS
    described = of_vocabulary(tmp_path / "vocab.txt")
    again = PublishedTokenizer.from_json(described.to_json())
    assert again == described
    assert again.wordpiece().decode(again.wordpiece().encode("hello the!")) == "hello the !"
    with pytest.raises(ValueError, match="continues no texts"):
        again.byte_level()


def test_a_long_text_is_cut_before_its_last_token():
    ours = WordPiece(TOKENS)
    cut = ours.encode("the " * 50, longest=8)
    assert (len(cut), cut[0], cut[-1]) == (8, ours.first, ours.last)


def test_what_is_no_vocabulary_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DataProblem, match="no vocabulary that can be read"):
        read_vocabulary(tmp_path / "tokenizer.json")
    with pytest.raises(ValueError, match=r"\[CLS\], \[SEP\], \[PAD\]"):
        WordPiece(["[UNK]", "a"])
