"""Generated passages are up to date, and a stale one is named."""

from pathlib import Path

import pytest

from upslope.academy import generated_docs

ROOT = Path(__file__).parent.parent


@pytest.mark.skipif(not (ROOT / "README.md").is_file(), reason="runs in a checkout")
def test_the_generated_passages_are_up_to_date():
    assert generated_docs.update(ROOT, write=False) == []


def test_a_stale_passage_is_named_and_made_again(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- made by: labs -->\nan old table\n<!-- end -->\nafter\n")
    assert generated_docs.update(tmp_path, write=False) == ["README.md"]
    assert "an old table" in page.read_text()
    assert generated_docs.update(tmp_path, write=True) == ["README.md"]
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("<!-- end -->\nafter\n")
    assert "`digits`" in text
    assert generated_docs.update(tmp_path, write=False) == []


def test_prose_is_free_in_the_line_budget():
    text = '"""One.\n\ntwo"""\n\n# three\nx = 1\n\n\ndef f():\n    """four"""\n    return "five"\n'
    assert generated_docs.code_lines(text) == 3
