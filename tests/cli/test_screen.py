"""What is printed is right in 80 columns, without colour, on a dumb terminal and in a stream that knows ASCII only."""

import os
import pty
import select
import subprocess
import sys

import pytest

from upslope.cli.terminal.console import Screen, clean
from upslope.cli.terminal.format import listed, plural, seconds, size


def lines_of(capsys):
    return capsys.readouterr().out.splitlines()


def test_prose_wraps_between_words_and_keeps_paths_whole(capsys):
    path = "/a/very/long/path" * 8
    Screen().prose(f"one two three {path} four " + "word " * 30)
    lines = lines_of(capsys)
    assert any(line.strip() == path for line in lines)
    assert all(len(line) <= 80 for line in lines if path not in line)
    assert all(line.startswith("  ") for line in lines)


def test_a_table_wraps_its_widest_cells(capsys):
    Screen().table(("name", "what", "n"), [("a", "word " * 40, "1"), (("bb", "bold"), "short", "22")], right=(2,))
    lines = lines_of(capsys)
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["name", "what", "n"]
    assert lines[1].endswith(" 1")
    assert lines[-1].endswith(" 22")
    assert lines[-1].startswith("  bb")


def test_markup_in_a_learners_text_is_text(capsys):
    Screen().line("x[bold]y[/bold] :smile: [link=http://x]")
    assert lines_of(capsys) == ["  x[bold]y[/bold] :smile: [link=http://x]"]


def test_control_characters_never_reach_the_terminal():
    assert clean("a\x1b[31mb\x07\tc\u202e") == "a?[31mb?    c?" or "\x1b" not in clean("a\x1b[31mb")
    assert not set(clean("".join(map(chr, range(0x300))))) & {"\x1b", "\x07", "\x08", "\x9b", "\r"}


def test_small_wordings():
    assert [seconds(s) for s in (0.04, 0.44, 38.2, 150, 9000)] == ["0.0 s", "0.4 s", "38 s", "2 min", "2 h"]
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
    assert [plural(n, "check") for n in (0, 1, 2)] == ["0 checks", "1 check", "2 checks"]
    assert [size(n) for n in (12, 11_600_000, 3_100_000_000)] == ["12 bytes", "11.6 MB", "3.1 GB"]


def test_colours_only_where_they_are_wanted(program):
    assert "\x1b" not in program("learn").out, "a pipe gets none"
    assert "\x1b" not in program("learn", TERM="dumb").out


def test_a_stream_that_knows_ascii_only(program):
    for words in (("learn",), ("learn", "softmax"), ("doctor",)):
        said = program(*words, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
        assert said.err == ""
        assert said.out.isascii()
        assert "Traceback" not in said.out
    assert "> 1.01" in program("learn", PYTHONIOENCODING="ascii").out


@pytest.mark.parametrize(("term", "coloured"), [("xterm-256color", True), ("dumb", False)])
def test_on_a_terminal(term, coloured):
    """The same words on a terminal, with colour unless it is a dumb one or NO_COLOR is set."""
    env = {**os.environ, "TERM": term, "COLUMNS": "80", "LINES": "40"}
    env.pop("NO_COLOR", None)
    assert ("\x1b[" in _on_a_terminal(env)) == coloured
    assert "\x1b[3" not in _on_a_terminal({**env, "NO_COLOR": "1"})


def _on_a_terminal(env):
    ours, theirs = pty.openpty()
    child = subprocess.Popen([sys.executable, "-m", "upslope", "learn"], stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    said = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.close(ours)
    assert child.wait() == 0
    assert "Roadmap" in said.decode()
    return said.decode()
