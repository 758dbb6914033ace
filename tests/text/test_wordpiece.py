"""WordPiece beside BertTokenizer, given the same vocab.txt."""

import pytest

from upslope.text.bert_words import normalized, words
from upslope.text.token import BadTokenizer, UnreadableText
from upslope.text.tokenizer_file import read_tokenizer
from upslope.text.wordpiece import SPECIAL, WordPiece, longest_match

COUNTS = [300, pytest.param(10_000, marks=pytest.mark.deep)]


@pytest.fixture(scope="module", params=[True, False], ids=["uncased", "cased"])
def lower(request):
    return request.param


@pytest.fixture(scope="module")
def vocab(tmp_path_factory, prose, languages, lower):
    """A vocab.txt such as BERT's, learned by somebody else."""
    tokenizers = pytest.importorskip("tokenizers")
    learner = tokenizers.BertWordPieceTokenizer(lowercase=lower)
    learner.train_from_iterator([*prose, *languages * 2], vocab_size=1500, show_progress=False)
    folder = tmp_path_factory.mktemp("bert")
    learner.save_model(str(folder))
    return folder / "vocab.txt"


@pytest.fixture(scope="module")
def ours(vocab, lower):
    return WordPiece(read_tokenizer(vocab).vocab, lower=lower)


@pytest.fixture(scope="module")
def theirs(vocab, lower):
    transformers = pytest.importorskip("transformers")
    return transformers.BertTokenizer(vocab=str(vocab), do_lower_case=lower)


def test_worked_words():
    vocab = {"un", "una", "aff", "##aff", "##f", "##able"}
    assert longest_match("unaffable", vocab) == ["una", "##f", "##f", "##able"]
    assert longest_match("unaffected", vocab) == ["[UNK]"]
    assert longest_match("", vocab) == []


@pytest.mark.parametrize("count", COUNTS)
def test_ids_and_places_are_those_of_bert(ours, theirs, fuzzed, keep, count):
    for text in fuzzed(count, keep=keep):
        encoding = theirs(text, add_special_tokens=False, return_offsets_mapping=True)
        assert ours.encode(text, allowed=SPECIAL).tolist() == encoding.input_ids, ascii(text)
        tokens = ours.tokens(text, allowed=SPECIAL)
        assert [token.id for token in tokens] == encoding.input_ids, ascii(text)
        assert [(token.start, token.end) for token in tokens] == encoding.offset_mapping, ascii(text)


def test_framed_as_bert_reads_it(ours, theirs):
    for pair in (("Hello there!", None), ("Is it naïve?", "It is, a bit."), ("", "b")):
        ids, segments = ours.framed(*pair)
        encoding = theirs(*pair)
        assert ids.tolist() == encoding.input_ids
        assert segments.tolist() == encoding.token_type_ids


def test_a_long_text_is_cut_before_its_last_token(ours, theirs):
    for pair in (("the cat sat " * 20, None), ("the cat sat " * 20, "on a mat"), ("on a mat", None)):
        ids, segments = ours.framed(*pair, longest=12)
        encoding = theirs(*pair, truncation="only_first", max_length=12)
        assert ids.tolist() == encoding.input_ids
        assert segments.tolist() == encoding.token_type_ids


def test_a_special_token_in_a_text_is_plain_text(ours):
    text = "one [SEP] two"
    assert ours.special["[SEP]"] not in ours.encode(text)
    assert ours.encode(text, allowed=["[SEP]"]).tolist() == [
        *ours.encode("one"),
        ours.special["[SEP]"],
        *ours.encode("two"),
    ]


def test_places_point_into_the_original(ours):
    text = "  Der naïve Café-Besitzer\u200b 中文"
    found = [text[token.start : token.end] for token in ours.tokens(text)]
    assert "".join(found) == "DernaïveCafé-Besitzer中文"


def test_words_of_bert():
    assert [word for _, word in words("a b-c, $5")] == ["a", "b", "-", "c", ",", "$", "5"]
    assert normalized("\0Ä\tB\u200b").text == "a b"
    assert normalized("Ä", lower=False, accents=True).text == "Ä"


def test_a_long_word_is_unknown(ours):
    assert ours.encode("a" * 101).tolist() == [ours.special["[UNK]"]]
    assert ours.special["[UNK]"] not in ours.encode("a" * 100)


def test_decoding_joins_pieces():
    tokenizer = WordPiece({"[UNK]": 0, "un": 1, "##able": 2, "!": 3})
    assert tokenizer.decode(tokenizer.encode("Unable!")) == "unable !"
    with pytest.raises(ValueError, match="4 is no id of this tokenizer"):
        tokenizer.decode([4])


def test_what_is_no_vocabulary_or_no_text():
    with pytest.raises(BadTokenizer, match=r"\[UNK\] is not in the vocabulary"):
        WordPiece({"a": 0})
    with pytest.raises(UnreadableText, match="character 0 of the text is a lone surrogate"):
        WordPiece({"[UNK]": 0}).encode("\udc00")
