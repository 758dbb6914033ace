"""The pages without a browser: what they show, what forms do, and how little they cost."""

import itertools
import json
import re
import sqlite3
import subprocess
import sys
from contextlib import closing

from tests.home.conftest import right_answer

from upslope.academy import guide
from upslope.academy.answers import grade_file
from upslope.academy.lessons import exercises, steps
from upslope.academy.progress import Progress
from upslope.home.curves import curves, thinned
from upslope.home.grader import Grader


def test_the_guide_shows_every_item_once(client):
    text = client.get("/").text
    for item in guide.items():
        assert text.count(f'id="item-{item.id}"') == 1
    assert f"All {len(guide.items())} items, none of them locked." in text
    assert len(text.encode()) <= 150_000 - sum(
        len(client.get(path).content) for path in ("/static/home.css", "/static/home.js", "/static/icon.svg")
    )


def test_the_script_is_small(client):
    assert len(client.get("/static/home.js").content) <= 12_000


def test_every_step_has_a_page(client):
    for step in steps():
        answer = client.get(f"/step/{step.name}")
        assert answer.status_code == 200
        assert f"<h1>{step.title}".replace("'", "&#39;") in answer.text.replace("&amp;", "&")
        headings = [int(level) for level in re.findall(r"<h(\d)", answer.text)]
        assert headings[0] == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(headings)), step.name


def test_items_have_pages(client):
    for item in guide.items()[::9]:
        assert client.get(f"/item/{item.id}").status_code == 200


def test_what_is_not_there_is_a_sentence(client):
    for path, words in (
        ("/step/sofmax", "did you mean"),
        ("/item/1.modern.gelo", "did you mean"),
        ("/runs/digits-9999", "is not a run"),
        ("/lab/nothing", "There is no lab"),
        ("/compare?one=a-0001&two=b-0001", "is not a run"),
        ("/nowhere", "Not Found"),
    ):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert words in answer.text
        assert "Traceback" not in answer.text


def test_a_tick_follows_the_proof(client, home):
    before = client.get("/").text
    assert "✓ relu" not in before
    (home / "exercises/foundations/relu.py").write_text(right_answer("relu"))
    assert grade_file("relu").passed
    after = client.get("/").text
    assert "✓ relu" in after
    assert re.search(r"1 of \d+ steps proven", after)


def test_state_and_search(client):
    planned = client.get("/?state=planned").text
    rows = re.findall(r'<li id="item-[^"]+" class="d\d"><span class="state (\w+)">', planned)
    assert set(rows) == {"planned"}
    assert 'id="item-1.modern.gelu"' in client.get("/?q=GELU").text
    assert "No item of the guide holds that" in client.get("/?q=zzzz+qqqq").text
    assert client.get("/?state=nonsense").status_code == 200
    assert "&lt;script&gt;" in client.get("/?q=<script>").text


def test_language_first_is_remembered(client):
    assert client.get("/").text.index('id="level-2"') < client.get("/").text.index('id="level-3"')
    client.get("/?first=language")
    text = client.get("/").text
    assert text.index('id="level-3"') < text.index('id="level-2"')


def saved(client, text, read):
    return client.post("/step/relu/save", data={"text": text, "read": read})


def read_hash(text):
    return re.search(r'name="read" value="(\w+)"', text)[1]


def test_saving_writes_the_file(client, home, grader):
    read = read_hash(client.get("/step/relu").text)
    answer = saved(client, "x = 1\r\ny = 2\r\n", read)
    assert answer.status_code == 303
    assert (home / "exercises/foundations/relu.py").read_text() == "x = 1\ny = 2\n"
    assert grader.busy(next(step for step in steps() if step.name == "relu"))


def test_nothing_is_lost_when_the_file_changed_meanwhile(client, home):
    file = home / "exercises/foundations/relu.py"
    read = read_hash(client.get("/step/relu").text)
    file.write_text("written in an editor\n")
    answer = saved(client, "typed <here>\n", read)
    assert answer.status_code == 409
    assert "typed &lt;here&gt;" in answer.text
    assert "written in an editor" in answer.text
    assert file.read_text() == "written in an editor\n"
    # Having seen both, the learner may write over it.
    assert saved(client, "both\n", read_hash(answer.text)).status_code == 303
    assert file.read_text() == "both\n"


def test_hints_are_counted_and_notes_kept(client, home):
    assert "1 of 3: The idea" not in client.get("/step/relu").text
    client.post("/step/relu/hint")
    assert "1 of 3: The idea" in client.get("/step/relu").text
    client.post("/step/relu/note", data={"text": "max(0, x) & <b>g</b>"})
    client.post("/step/relu/note", data={"text": "   "})
    text = client.get("/step/relu").text
    assert "max(0, x) &amp; &lt;b&gt;g" in text
    store = Progress(home / "progress.sqlite")
    assert [event.payload for event in store.events("hint")] == [{"stage": 1}]
    assert len(store.events("note")) == 1


def test_reports_are_no_proof(client, home):
    page = client.post("/item/0.linear-algebra.3blue1brown/report", data={"part": "3/16", "hours": "2"})
    assert page.status_code == 303
    assert "3 of 16" in client.get("/item/0.linear-algebra.3blue1brown").text
    for field, value in (
        ("part", "17/16"),
        ("part", "all"),
        ("hours", "-1"),
        ("hours", "nan"),
        ("link", "javascript:x"),
    ):
        refused = client.post("/item/0.linear-algebra.3blue1brown/report", data={field: value})
        assert refused.status_code == 400
        assert value in refused.text
    assert len(Progress(home / "progress.sqlite").events("report")) == 1
    assert ">0</a>" not in client.get("/").text


def test_a_file_that_is_missing_can_be_made(client, home):
    file = home / "exercises/foundations/relu.py"
    file.unlink()
    assert "Make my file" in client.get("/step/relu").text
    assert client.post("/step/relu/begin").status_code == 303
    assert file.exists()


def test_a_verdict_stands_on_the_page(client, home, grader: Grader):
    file = home / "exercises/foundations/relu.py"
    file.write_text(right_answer("relu").replace("np.maximum(x.data, 0)", "np.abs(x.data)"))
    assert "Checking" in client.get("/step/relu").text, "what nobody has looked at is looked at now"
    grader.latest["relu"] = grade_file("relu")
    grader._waiting.clear()
    text = client.get("/step/relu").text
    assert "checks passed" in text
    assert "<dt>expected</dt>" in text


def test_curves_are_thinned_and_finite():
    line = [(step, step % 7) for step in range(10_000)]
    few = thinned(line)
    assert len(few) <= 302
    assert few[0] == line[0]
    assert few[-1] == line[-1]
    assert "nan" not in curves({"loss": [(0, 1.0), (1, float("nan")), (2, 3.0)]}, title="loss")
    assert curves({"loss": [(0, float("nan"))]}, title="loss") == ""
    assert "polyline" in curves({"loss": [(0, 1.0), (1, 1.0)]}, title="<flat>")


def fill(folder, count):
    """Put so many graded answers into the store, by hand because that is quicker."""
    Progress(folder / "progress.sqlite").add("note", "relu", text="the store has its table now")
    names = [str(step.exercise) for step in exercises()]
    payloads = [json.dumps({"passed": passed, "text": "x" * 2000, "path": "x.py"}) for passed in (True, False)]
    rows = [(1.0 * n, "check", names[n % len(names)], payloads[n % 3 == 2]) for n in range(count)]
    with closing(sqlite3.connect(folder / "progress.sqlite")) as db, db:
        db.executemany("INSERT INTO events (at, kind, subject, payload) VALUES (?, ?, ?, ?)", rows)


def test_thousands_of_events_cost_no_more_than_some(client, home, rows_read):
    """Once every exercise has been answered, the page reads no more rows, however often it was answered again."""
    read = []
    for answers in (6, 40):
        fill(home, answers * len(exercises()))
        rows_read.clear()
        assert client.get("/").status_code == 200
        read.append(sum(rows_read))
    assert 0 < read[1] <= read[0]


def test_what_is_heavy_stays_away():
    code = """
import sys
from upslope.home.server import Home
Home(8790)
heavy = {"torch", "lightning", "matplotlib", "sklearn", "scipy", "keras"} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
