"""`upslope tokenize`: pieces, ids and counts, tokenizers side by side, one that is trained, and what is no text."""

import json

import pytest

from upslope.text import catalogue

TEXT = "the cat and the hat\n" * 30 + "the cat sat\n"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "cats.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def cats(upslope, source):
    said = upslope("tokenize", "--train", str(source), "--size", "265", "--out", "cats")
    assert said.code == 0, said.err
    return said


def test_pieces_can_be_told_apart_without_colour(upslope):
    said = upslope("tokenize", "ab é", "--with", "bytes")
    assert said.code == 0
    assert said.out.splitlines() == [
        "  4 characters, 5 bytes",
        "",
        "  bytes  5 tokens",
        r"    a│b│ │\xc3│\xa9│",
        "    97 98 32 195 169",
        "",
    ]


def test_in_colour_pieces_take_turns(upslope, monkeypatch):
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    said = upslope("tokenize", "ab", "--with", "bytes")
    assert "\x1b[30;106ma\x1b[0m" in said.out
    assert "\x1b[30;103mb\x1b[0m" in said.out


def test_a_tokenizer_is_trained_and_used(upslope, home, source, cats):
    assert "cats  265 tokens, 8 of them merges, in" in cats.out
    assert 'upslope tokenize "Hello there" --with cats' in cats.out
    assert (home / "tokenizers" / "cats.json").is_file()
    said = upslope("tokenize", "the cat", "--with", "cats", "--with", "bytes", "--json")
    ours, plain = said.json["tokenizers"]
    assert "".join(ours["pieces"]) == "the cat"
    assert [ours["name"], ours["vocabulary"], ours["tokens"]] == ["cats", 265, len(ours["ids"])]
    assert len(ours["ids"]) < len(plain["ids"]) == 7
    assert ours["offsets"][-1][1] == 7
    table = upslope("tokenize", "the cat", "--with", "cats", "--with", "bytes").out.splitlines()[-3:]
    assert table[0].split() == ["tokenizer", "vocabulary", "tokens", "characters", "a", "token"]
    assert table[2].split() == ["bytes", "256", "7", "1.00"]


def test_what_was_trained_tokenizers_reads(upslope, home, cats):
    tokenizers = pytest.importorskip("tokenizers")
    theirs = tokenizers.Tokenizer.from_file(str(home / "tokenizers" / "cats.json"))
    (ours,) = upslope("tokenize", "the cat, sat", "--with", "cats", "--json").json["tokenizers"]
    assert theirs.encode("the cat, sat").ids == ours["ids"]


def test_without_a_name_all_are_compared(upslope, cats):
    said = upslope("tokenize", "the cat", "--json")
    assert [each["name"] for each in said.json["tokenizers"]] == catalogue.names()
    assert "cats" in catalogue.names()


def test_without_any_there_are_bytes(upslope, monkeypatch):
    monkeypatch.setattr(catalogue, "_CARRIER", "no_such_package")
    said = upslope("tokenize", "hi")
    assert "bytes  2 tokens" in said.out
    assert "upslope tokenize --train FILE --out NAME" in said.out


def test_a_file_is_shown_in_part_and_counted_whole(upslope, source):
    said = upslope("tokenize", "--file", str(source), "--with", "bytes")
    assert f"... and {len(TEXT) - 200} more" in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    assert "\\n" in said.out
    value = upslope("tokenize", "--file", str(source), "--with", "bytes", "--json").json
    assert value["file"] == str(source)
    assert value["tokenizers"][0]["tokens"] == len(TEXT) == value["bytes"]


def test_special_tokens_are_text_unless_allowed(upslope, cats):
    text = "the<|endoftext|>cat"
    (plain,) = upslope("tokenize", text, "--with", "cats", "--json").json["tokenizers"]
    (allowed,) = upslope("tokenize", text, "--with", "cats", "--allow", "<|endoftext|>", "--json").json["tokenizers"]
    assert 0 not in plain["ids"]
    assert "<|endoftext|>" in allowed["pieces"]
    assert 0 in allowed["ids"]
    said = upslope("tokenize", text, "--with", "cats", "--allow", "<s>")
    assert (said.code, said.out) == (2, "")
    assert said.err.strip() == "--allow <s>: no special token of cats (<|endoftext|>)"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ((), 2, 'there is no text: upslope tokenize "Hello there", or --file FILE'),
        (("",), 2, 'the text is empty, and has no tokens: upslope tokenize "Hello there"'),
        (("--file", "{empty}"), 2, '{empty} is empty, and has no tokens: upslope tokenize "Hello there"'),
        (("hi", "--file", "{empty}"), 2, "there is a text and a file, {empty}: leave one out"),
        (("--file", "{folder}"), 2, "{folder} is a folder, not a text"),
        (("--file", "{folder}/gone"), 2, "{folder}/gone is not there: no such file"),
        (("--file", "{binary}"), 1, "{binary} is no text in UTF-8: byte 0 is 0x89"),
        (("--file", "{zeros}"), 1, "{zeros} is no text: byte 1 is 0"),
        (("hi\udc80",), 1, "character 2 of the text is a lone surrogate, U+DC80: half of a character, which is no "
         "text; read the file as UTF-8, or leave the half out"),
        (("hi", "--with", "byte"), 1, 'there is no tokenizer "byte"; did you mean bytes? (there are bytes'),
        (("hi", "--with", "{other}"), 1, "{other} is a tokenizer of the kind Unigram: byte-level BPE and WordPiece"),
        (("hi", "--with", "{binary}"), 1, "{binary} is no tokenizer by its name: a tokenizer is a tokenizer.json"),
        (("hi", "--out", "x"), 2, "--out names a tokenizer that is trained: upslope tokenize --train FILE --out NAME"),
        (("hi", "--train", "{empty}"), 2, "--train learns from its file alone; tokenize a text afterwards"),
        (("--train", "{text}"), 2, "the tokenizer needs a name: upslope tokenize --train {text} --out NAME"),
        (("--train", "{text}", "--out", "a/b"), 2, '"a/b" is no name for a tokenizer: letters, digits'),
        (("--train", "{text}", "--out", "gpt2"), 2, 'there is a tokenizer "gpt2" already (it comes with Upslope)'),
        (("--train", "{text}", "--out", "x", "--size", "99"), 2, "--size is more than 257 (256 bytes and <|end"),
        (("--train", "{empty}", "--out", "x"), 2, "{empty} is empty, and there is nothing to learn from"),
        (("--train", "{binary}", "--out", "x"), 1, "{binary} is no text in UTF-8: byte 0 is 0x89"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_one_sentence(upslope, tmp_path, words, code, sentence):
    files = {"empty": b"", "binary": b"\x89PNG\r\n\x1a\n\0", "zeros": b"a\0b", "text": b"some text"}
    files["other.json"] = json.dumps({"model": {"type": "Unigram"}}).encode()
    places = {"folder": tmp_path / "folder"}
    places["folder"].mkdir()
    for name, content in files.items():
        places[name.split(".")[0]] = tmp_path / name
        (tmp_path / name).write_bytes(content)
    said = upslope("tokenize", *(word.format(**places) for word in words))
    assert (said.code, said.out) == (code, "")
    assert said.err.strip().startswith(sentence.format(**places))
    assert said.err.count("\n") == 1


def test_a_name_is_not_taken_twice(upslope, source, cats):
    said = upslope("tokenize", "--train", str(source), "--out", "cats")
    assert said.code == 2
    assert 'there is a tokenizer "cats" already (' in said.err


def test_little_text_makes_a_small_vocabulary(upslope, tmp_path):
    (tmp_path / "few.txt").write_text("abc")
    said = upslope("tokenize", "--train", str(tmp_path / "few.txt"), "--out", "few")
    assert "No pair was left that occurs twice, so there are fewer than 1,024." in said.out
