"""Generated passages are up to date, and a stale one is named."""

import re
from pathlib import Path

import pytest

from upslope.academy import generated_docs
from upslope.academy.lessons import exercises, steps
from upslope.cards import discover

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


def test_long_tables_have_pages_of_their_own(tmp_path):
    (tmp_path / "docs").mkdir()
    page = tmp_path / "docs" / "exercises.md"
    page.write_text("<!-- made by: exercises -->\n<!-- end -->\n")
    assert generated_docs.update(tmp_path, write=True) == ["docs/exercises.md"]
    assert "`upslope.scratch.ops:softmax`" in page.read_text()


@pytest.mark.skipif(not (ROOT / "README.md").is_file(), reason="runs in a checkout")
def test_the_readme_stays_short_however_many_exercises_there_are():
    """It sums up by level, and links to what lists all."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    made = re.findall(r"<!-- made by: ([a-z ]+) -->\n(.*?)<!-- end -->", readme, re.DOTALL)
    assert [name for name, _ in made] == ["levels", "library", "tree"]
    assert all(passage.count("\n") <= 30 for _, passage in made)
    linked = re.findall(r"\]\((docs/[a-z]+\.md)\)", readme)
    assert sorted(linked) == sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))


def test_the_summary_counts_every_step_once():
    rows = [line.split("|")[2:7] for line in generated_docs.levels(ROOT).splitlines()[2:]]
    lessons, graded, _, _, labs = (sum(int(row[k]) for row in rows) for k in range(5))
    assert lessons == len(steps())
    assert graded == len(exercises())
    assert labs == len(discover("labs"))


def test_prose_is_free_in_the_line_budget():
    text = '"""One.\n\ntwo"""\n\n# three\nx = 1\n\n\ndef f():\n    """four"""\n    return "five"\n'
    assert generated_docs.code_lines(text) == 3


@pytest.mark.skipif(not (ROOT / "docs" / "check.svg").is_file(), reason="runs in a checkout")
def test_the_picture_shows_as_many_checks_as_there_are():
    """It is drawn by `upslope author picture`; a check that was added since would make it a picture of the past."""
    from upslope.academy.checklist import checks_of

    drawn = (ROOT / "docs" / "check.svg").read_text(encoding="utf-8").replace("&#160;", " ")
    found = re.search(r"\d+ of (\d+) checks passed", drawn)
    assert found
    assert int(found[1]) == len(checks_of("upslope.scratch.ops:softmax").checks)
