"""`upslope clean`: the repaired text, what changed and where; no file is ever written over."""

import pytest

DIRTY = "\ufeffCafÃ© &amp; te\u200ba\ne\u0301té\n"
CLEAN = "Café & tea\nété\n"


@pytest.fixture
def dirty(tmp_path):
    path = tmp_path / "dirty.txt"
    path.write_text(DIRTY)
    return path


def test_the_text_goes_to_stdout_and_the_report_to_stderr(upslope, dirty):
    said = upslope("clean", str(dirty))
    assert (said.code, said.out) == (0, CLEAN)
    assert [line.strip() for line in said.err.splitlines()] == [
        f"{dirty}: mojibake 1, HTML entity 1, byte order mark 1, zero-width character 1, normal form 1",
        'line 1, column 1: byte order mark, "<U+FEFF>" is out',
        'line 1, column 5: mojibake, "Ã©" is "é"',
        'line 1, column 8: HTML entity, "&amp;" is "&"',
        'line 1, column 16: zero-width character, "<U+200B>" is out',
        'line 2, column 1: normal form, "e<U+0301>" is "é"',
    ]
    assert dirty.read_text() == DIRTY


def test_into_a_file_that_is_not_there(upslope, dirty, tmp_path):
    target = tmp_path / "new" / "clean.txt"
    said = upslope("clean", str(dirty), "--out", str(target))
    assert said.code == 0
    assert target.read_text() == CLEAN
    assert f"written to {target}" in said.out
    again = upslope("clean", str(target))
    assert again.out == CLEAN
    assert again.err.strip() == f"{target}: nothing to repair"


def test_several_files_into_a_folder(upslope, dirty, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("fine\r\n", newline="")
    said = upslope("clean", str(dirty), str(other), "--out", str(tmp_path / "out"), "--json")
    assert [each["written"] for each in said.json["files"]] == [
        str(tmp_path / "out" / name) for name in ("dirty.txt", "other.txt")
    ]
    assert (tmp_path / "out" / "dirty.txt").read_text() == CLEAN
    assert (tmp_path / "out" / "other.txt").read_bytes() == b"fine\r\n"
    assert upslope("clean", str(dirty), str(other)).out == CLEAN + "fine\r\n"


def test_for_programs(upslope, dirty):
    (facts,) = upslope("clean", str(dirty), "--json").json["files"]
    assert facts["text"] == CLEAN
    assert facts["counts"]["mojibake"] == 1
    first = facts["changes"][0]
    assert first == {
        "line": 1, "column": 5, "start": 4, "end": 6, "before": "Ã©", "after": "é", "kind": "mojibake"
    }  # fmt: skip


def test_many_changes_are_cut_short(upslope, tmp_path):
    path = tmp_path / "many.txt"
    path.write_text("Ã© " * 30)
    assert "... and 10 more (--json says all)" in upslope("clean", str(path)).err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("{folder}",), 2, "{folder} is a folder, not a text"),
        (("{folder}/gone",), 2, "{folder}/gone is not there: no such file"),
        (("{binary}",), 1, "{binary} is no text in UTF-8: byte 0 is 0x89"),
        (("{dirty}", "--out", "{dirty}"), 2, "{dirty} exists, and nothing is written over: give --out another name"),
        (("{dirty}", "{text}", "--out", "{text}"), 2, "--out {text} is a file, and there are 2 texts: name a folder"),
        (("{dirty}", "{dirty}", "--out", "{folder}"), 2, "two of the files are called dirty.txt: clean them one after"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(upslope, dirty, tmp_path, words, code, sentence):
    places = {"dirty": dirty, "folder": tmp_path / "folder", "binary": tmp_path / "b.bin", "text": tmp_path / "t.txt"}
    places["folder"].mkdir()
    places["binary"].write_bytes(b"\x89PNG")
    places["text"].write_text("x")
    said = upslope("clean", *(word.format(**places) for word in words))
    assert (said.code, said.out) == (code, "")
    assert said.err.strip().startswith(sentence.format(**places))
    assert dirty.read_text() == DIRTY


def test_an_empty_file_stays_empty(upslope, tmp_path):
    path = tmp_path / "empty.txt"
    path.write_text("")
    said = upslope("clean", str(path))
    assert (said.code, said.out) == (0, "")
