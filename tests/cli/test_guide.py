"""The verbs of the guide: roadmap, next, tier, report."""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from io import BytesIO, TextIOWrapper

import pytest

from upslope.academy import progress as store
from upslope.academy.guide import EPIGRAPH, LEVELS, TITLE, items, parts
from upslope.academy.lab_parts import parts_of
from upslope.academy.lessons import exercises, find, steps
from upslope.academy.progress import Progress
from upslope.runs.workspace import progress_file

_NO_SIGNS = str.maketrans("", "", "✓•→")


def boss_battle():
    parts_now = dict.fromkeys(parts_of("digits"), "yours")
    Progress(progress_file()).add(
        "run", "digits", run="digits-0001", reached=True, config={"data": "mnist"}, parts=parts_now
    )


def test_the_whole_guide_in_80_columns(upslope):
    said = upslope("roadmap")
    assert said.code == 0
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)
    head = said.out[:500]
    assert TITLE in head
    assert EPIGRAPH in head
    for level, title in LEVELS.items():
        assert title in said.out or level == "G"
    boxes = [item.id for item in items() if item.id in parts() and item.id.count(".") == 1]
    for name in [*boxes, *(item.id for item in items() if item.level == "R")]:
        assert sum(name in line.split() for line in lines) == 1, name
    for step in steps():
        assert said.out.split().count(step.number) == 1


def test_json_lists_all_328_items_with_states(upslope):
    boss_battle()
    upslope("report", "1.raw.video", "--hours", "0.5")
    told = upslope("roadmap", "--json").json
    assert len(told["items"]) == len({item["id"] for item in told["items"]}) == 328
    assert sum(told["counts"].values()) == 328
    assert sum(level["items"] for level in told["levels"]) == 328
    assert {item["state"] for item in told["items"]} <= {"proven", "reported", "begun", "open", "planned"}
    by_id = {item["id"]: item for item in told["items"]}
    boss, video = by_id["1.from-scratch.boss-digits"], by_id["1.raw.video"]
    assert (boss["state"], boss["proven"]["by"]) == ("proven", ["lab digits, run digits-0001"])
    assert boss["reported"]["done"] == 0
    assert (video["state"], video["reported"]["hours"], video["proven"]["done"]) == ("reported", 0.5, 0)
    assert by_id["R.papers.pwc"]["address_state"] == "closed"
    assert told["title"] == TITLE


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_shows_each_of_its_items_and_steps_once(upslope, level):
    said = upslope("roadmap", level)
    assert said.code == 0
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert all(line == line.rstrip() for line in lines)
    first = Counter(words[0] for line in lines if (words := line.translate(_NO_SIGNS).split()))
    of_level = [item for item in items() if item.level == level]
    ids = {item.id for item in of_level}
    for name, count in Counter(item.name if item.parent in ids else item.id for item in of_level).items():
        assert first[name] >= count, name
    for step in (step for step in steps() if str(step.level) == level):
        assert sum(step.number in line.split() for line in lines) == 1
        assert f"{step.minutes} min" in said.out
    told = upslope("roadmap", level, "--json").json
    assert [item["id"] for item in told["items"]] == [item.id for item in items() if item.level == level]
    assert [step["number"] for step in told["steps"]] == [s.number for s in steps() if str(s.level) == level]


# Every seventh quickly, the others with the deeper tests.
PAGES = [pytest.param(item, id=item.id, marks=() if n % 7 == 0 else pytest.mark.deep) for n, item in enumerate(items())]


@pytest.mark.parametrize("item", PAGES)
def test_every_item_has_a_page_of_80_columns(upslope, item):
    said = upslope("roadmap", item.id)
    assert said.code == 0
    lines = [line for line in said.out.splitlines() if "https://" not in line and "http://" not in line]
    assert max(map(len, lines)) <= 80
    assert lines[0].split()[0] == item.id
    assert "\n\n\n" not in said.out
    if item.covers == "none":
        assert "Planned" in said.out


def test_an_item_says_what_proves_it_and_what_it_opens(upslope):
    Progress(progress_file()).add_check("upslope.scratch.ops:conv2d", "x = 1\n", "x.py", passed=True)
    said = upslope("roadmap", "pooling")
    pooling = find("max-pool2d").number
    for words in ("2.maths.pooling", pooling, "max-pool2d", "global-average-pool", "Needs", "upslope learn max-pool2d"):
        assert words in said.out
    told = upslope("roadmap", "pooling", "--json").json
    assert told["lessons"] == ["max-pool2d", "global-average-pool"]
    assert told["minutes"] == sum(step.minutes for step in steps() if step.name in told["lessons"])
    assert "lenet" in told["opens"]
    assert "training-step" in told["needs"]


def test_an_item_names_its_resource_and_what_took_its_place(upslope):
    closed = upslope("roadmap", "R.papers.pwc").out
    assert "Closed" in closed
    assert "July 2025" in closed
    assert "Moved" in upslope("roadmap", "R.papers.google").out
    assert "0.18" in upslope("roadmap", "5.pytorch.text").out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("roadmap", "1.modern.gelo"), "did you mean 1.modern.gelu"),
        (("roadmap", "relu"), "relu is a step: upslope learn relu shows it; it proves 1.activations.challenge and"),
        (("report", "gelo"), "did you mean 1.modern.gelu?"),
        (("report", "1.modern"), "1.modern is its parts; report one of them: 1.modern.relu-family,"),
        (("report", "1.raw.video", "--part", "5/3"), "part is written 3/20, so many of so many, not 5/3"),
        (("report", "1.raw.video", "--part", "0/0"), "not 0/0"),
        (("report", "1.raw.video", "--part", "half"), "not half"),
        (("report", "1.raw.video", "--hours=-1"), "hours is a number of hours, 1.5 for instance, not -1"),
        (("report", "1.raw.video", "--hours", "nan"), "not nan"),
        (("report", "1.raw.video", "--link", "ftp://x"), "link is an address that begins with https://, not ftp://x"),
        (("report", "1.raw.video", "--link", "https://["), "not https://["),
    ],
)
def test_typing_mistakes_are_answered_in_a_sentence_and_nothing_is_kept(upslope, home, words, sentence):
    said = upslope(*words)
    assert said.code == 2
    assert sentence in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert not home.exists()


def test_a_report_is_kept_and_counted_apart(upslope):
    before = upslope("roadmap", "--json").json["counts"]
    said = upslope("report", "goodfellow", "--part", "3/20", "--hours", "2", "--note", "linear  algebra")
    assert said.code == 0
    assert "Reported: 3 of 20, 2 hours so far." in said.out
    assert "3 of 20 reported" in upslope("roadmap", "R").out
    told = upslope("report", "goodfellow", "--part", "20/20", "--hours", "1.5", "--json").json
    assert (told["state"], told["reported"]["hours"], told["reported"]["notes"]) == (
        "reported",
        3.5,
        ["linear algebra"],
    )
    page = upslope("roadmap", "goodfellow").out
    assert "20 of 20, 3.5 h" in page
    assert "linear algebra" in page
    now = upslope("roadmap", "--json").json["counts"]
    assert now["proven"] == before["proven"] == 0
    assert now["reported"] == before["reported"] + 1
    assert "not reported any more" in upslope("report", "goodfellow", "--part", "0/20").out.lower()
    assert upslope("roadmap", "--json").json["counts"] == before


def test_a_report_of_what_is_built_proves_nothing(upslope):
    said = upslope("report", "1.modern.gelu")
    assert "proves nothing" in said.out
    assert upslope("roadmap", "gelu", "--json").json["state"] == "reported"
    boss_battle()
    assert "It is proven already" in upslope("report", "boss-digits").out
    assert upslope("roadmap", "boss-digits", "--json").json["state"] == "proven"


def test_next_is_one_thing_and_its_command(upslope):
    said = upslope("next")
    assert said.code == 0
    assert said.out.splitlines()[-1].startswith("  upslope init")
    upslope("init")
    told = upslope("next", "--json").json
    assert (told["next"], told["command"]) == ("scalar-backward", "upslope learn scalar-backward")
    assert "1.from-scratch.pure-python" in told["towards"]
    assert upslope("next").out.splitlines()[-1].strip() == told["command"]


def test_when_every_step_is_proven_next_is_an_item_of_the_guide(upslope):
    progress = Progress(progress_file())
    for step in steps():
        if step.exercise:
            progress.add_check(step.exercise, "x = 1\n", "x.py", passed=True)
        if step.lab:
            progress.add("run", step.lab, run=f"{step.lab}-0001", reached=True, parts={})
    said = upslope("next")
    assert "Every step is proven" in said.out
    assert upslope("next", "--json").json["command"] == "upslope roadmap 0.stats.khan"


def test_tiers_show_twenty_demands_with_rules_and_evidence(upslope):
    boss_battle()
    short, why = upslope("tier"), upslope("tier", "--why")
    assert short.code == why.code == 0
    for said in (short, why):
        assert said.out.splitlines()[0].endswith("1 of 4 to bronze")
        assert max(map(len, said.out.splitlines())) <= 80
    assert "by lab digits, run digits-0001" in why.out
    assert "by lab digits" not in short.out
    told = upslope("tier", "--json").json
    assert [tier["name"] for tier in told["tiers"]] == ["bronze", "silver", "gold", "diamond", "legendary"]
    demands = [demand for tier in told["tiers"] for demand in tier["demands"]]
    assert len(demands) == 20
    assert all(demand["title"] in why.out for demand in demands)
    assert [demand["item"] for demand in demands if demand["met"]] == ["A.bronze.network"]


def test_a_held_tier_stays_and_says_that_the_roadmap_grew(upslope):
    Progress(progress_file()).add("tier", "bronze", items=len(items()) - 9)
    for words in ((), ("tier",), ("roadmap",)):
        assert "The roadmap grew by 9 since you first held bronze" in upslope(*words).out, words
    assert upslope("tier", "--json").json["tiers"][0]["held"] is True
    assert upslope("tier").out.splitlines()[0].endswith("bronze, 0 of 4 to silver")
    assert "held since" in upslope("tier").out


def test_a_tier_is_written_down_once_when_it_is_first_held(upslope, monkeypatch):
    from upslope.academy import tiers

    easy = tuple(d for d in tiers.DEMANDS if d.item in {"A.bronze.course", "A.silver.open-source"})
    monkeypatch.setattr(tiers, "DEMANDS", easy)
    told = upslope("report", "1.specialization.all-five", "--json").json
    assert "bronze" in told["tiers_held"]
    kept = Progress(progress_file()).events("tier", "bronze")
    assert len(kept) == 1
    assert kept[0].payload["items"] == len(items())
    upslope("report", "1.specialization.all-five", "--part", "0/5")
    assert upslope("tier", "--json").json["held"] == "bronze", "once held it stays held"
    assert len(Progress(progress_file()).events("tier", "bronze")) == 1


def test_a_held_tier_is_seen_where_it_cannot_be_written_down(upslope, monkeypatch):
    from upslope.academy import tiers

    monkeypatch.setattr(tiers, "DEMANDS", tuple(d for d in tiers.DEMANDS if d.item == "A.bronze.course"))
    Progress(progress_file()).add("report", "1.specialization.all-five")
    monkeypatch.setattr(store, "WAIT", 0.0)
    with closing(sqlite3.connect(progress_file())) as other:
        other.execute("BEGIN IMMEDIATE")
        said = upslope("tier")
        other.rollback()
    assert said.code == 0
    assert "bronze" in said.out.splitlines()[0]
    assert "not recorded" in said.err


@pytest.mark.parametrize(
    "words", [("roadmap",), ("roadmap", "1"), ("tier", "--why"), ("next",), ("roadmap", "A.bronze")]
)
def test_the_verbs_write_in_cp1252(upslope, monkeypatch, words):
    from upslope.cli.main import main

    boss_battle()
    upslope("report", "1.raw.video")
    raw = BytesIO()
    monkeypatch.setattr("sys.stdout", TextIOWrapper(raw, encoding="cp1252"))
    assert main(words) == 0
    said = raw.getvalue().decode("cp1252")
    assert "?" not in said
    if words in {("roadmap",), ("roadmap", "1")}:
        assert "#=." in said, "proven and reported are different signs, without colour"


def fill(count):
    """A store with so many graded answers of all exercises, made by hand because that is quicker."""
    progress_file().parent.mkdir(parents=True, exist_ok=True)
    progress_file().unlink(missing_ok=True)
    names = [str(step.exercise) for step in exercises()]
    texts = (
        json.dumps({"passed": True, "text": "x" * 2000, "path": "x.py"}),
        json.dumps({"passed": False, "text": "x" * 2000}),
    )
    with closing(sqlite3.connect(progress_file())) as db, db:
        db.executescript(store._SCHEMA)
        rows = [(1.0 * n, "check", names[n % len(names)], texts[n % 3 == 2]) for n in range(count)]
        db.executemany("INSERT INTO events (at, kind, subject, payload) VALUES (?, ?, ?, ?)", rows)


@pytest.mark.parametrize("words", [(), ("roadmap",)])
def test_thousands_of_events_cost_no_more_than_some(upslope, words, rows_read):
    """Once every exercise has been answered, no more rows are read, however often it was answered again."""
    read = []
    for answers in (6, 40):
        fill(answers * len(exercises()))
        rows_read.clear()
        assert upslope(*words).code == 0
        read.append(sum(rows_read))
    assert 0 < read[1] <= read[0]
