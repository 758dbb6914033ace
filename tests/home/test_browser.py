"""The pages in a real browser: a newcomer's way to the first tick, ticks that move by themselves, runs that grow live.

No test asks how fast the machine is: each waits for what must come. The screenshots of the README come from here
(`UPSLOPE_SCREENSHOTS=docs` writes them).
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.home.conftest import CHROMIUM, right_answer

pytestmark = pytest.mark.needs("browser")
WAIT = 120_000  # milliseconds for what must come, on a machine that does other things as well
WRONG = "return x.then(np.abs(x.data), lambda g: g * np.sign(x.data))"
EXPECTED = ("409", "400", "ERR_CONNECTION", "ERR_INCOMPLETE_CHUNKED", "ERR_EMPTY_RESPONSE")
SHOTS = os.environ.get("UPSLOPE_SCREENSHOTS", "")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    import shutil

    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM))
        yield browser
        browser.close()


class Tab:
    """A page with its complaints: what it logs, and where it wants to go."""

    def __init__(self, page: Any, base: str) -> None:
        self.page, self.base = page, base
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        page.set_default_timeout(WAIT)
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.base, "data:")):
            self.strangers.append(request.url)

    def go(self, path: str) -> None:
        self.page.goto(self.base + path)

    def shot(self, name: str) -> None:
        if SHOTS:
            self.page.wait_for_timeout(800)  # colours fade in
            self.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


@pytest.fixture
def open_tab(chromium, server) -> Iterator[Any]:
    contexts, tabs = [], []

    def opened(*, width: int = 1200, height: int = 900, scheme: str = "light", context: Any = None) -> Tab:
        if context is None:
            context = chromium.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            contexts.append(context)
        tab = Tab(context.new_page(), server.base)
        tab.page.goto(server.address)
        tabs.append(tab)
        return tab

    yield opened
    for tab in tabs:
        # What a test provokes, the browser logs: a save that meets a changed file, a setting that is refused.
        assert [said for said in tab.complaints if not any(word in said for word in EXPECTED)] == []
        assert tab.strangers == [], "a request left this computer"
    for context in contexts:
        context.close()


def upslope(server, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "UPSLOPE_HOME": str(server.home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "upslope", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def write(tab: Tab, text: str) -> None:
    tab.page.fill("#text", text)
    tab.page.keyboard.press("Control+s")


def saved(tab: Tab) -> None:
    """Wait until what is typed is what the page knows to be in the file."""
    until(tab, "document.getElementById('text').value === document.getElementById('text').defaultValue")


def until(tab: Tab, condition: str) -> None:
    """Wait for a condition. Playwright's own wait has the page evaluate a text, which it may not."""
    for _ in range(WAIT // 100):
        if tab.page.evaluate(condition):
            return
        tab.page.wait_for_timeout(100)
    pytest.fail(f"it never came to be: {condition}")


def test_a_newcomer_s_way_to_the_first_tick(open_tab, server):
    """From the address to a proven step: read, write a wrong answer, see the mistake's name, mend it, see the tick."""
    from playwright.sync_api import expect

    tab = open_tab()
    page = tab.page
    expect(page).to_have_url(server.base + "/")
    tab.go("/step/relu")
    expect(page.locator("#verdict")).to_contain_text("Not written yet")
    stub = page.input_value("#text")
    wrong = right_answer("relu").replace("np.maximum(x.data, 0)", "np.abs(x.data)")
    assert wrong != right_answer("relu")
    write(tab, wrong)
    expect(page.locator("#verdict")).to_contain_text("expected", timeout=WAIT)
    expect(page.locator("#verdict")).to_contain_text("known mistake")
    tab.shot("home-step")
    assert "NotImplementedError" in stub
    write(tab, right_answer("relu"))
    expect(page.locator("#verdict")).to_contain_text("9 of 9 checks passed", timeout=WAIT)
    expect(page.locator("#said")).to_contain_text("9 of 9 checks passed")
    expect(page.locator("#standing .state")).to_have_text("proven")
    page.click("text=Guide")
    expect(page.locator("a.step.proven", has_text="relu").first).to_be_visible()


def test_a_tick_moves_without_reload(open_tab, server):
    """A right answer saved in an editor, and one checked in a terminal: the open guide shows both."""
    from playwright.sync_api import expect

    tab = open_tab()
    page = tab.page
    page.evaluate("window.same = true")
    bar = page.locator("#level-1 .bar")
    before = bar.get_attribute("aria-label"), page.locator("#level-1 > p").inner_text()
    assert page.locator("a.step.proven").count() == 0
    (server.home / "exercises/foundations/relu.py").write_text(right_answer("relu"))
    expect(page.locator("a.step.proven", has_text="relu").first).to_be_visible(timeout=WAIT)
    assert (bar.get_attribute("aria-label"), page.locator("#level-1 > p").inner_text()) != before
    (server.home / "exercises/foundations/scalar-backward.py").write_text(right_answer("scalar-backward"))
    expect(page.locator("a.step.proven", has_text="scalar-backward").first).to_be_visible(timeout=WAIT)
    done = upslope(server, "lab", "digits-pure", "--mine")
    assert done.returncode == 0, done.stderr
    expect(page.locator("a.step.proven", has_text="digits-pure").first).to_be_visible(timeout=WAIT)
    assert page.evaluate("window.same"), "the page was loaded anew"
    tab.shot("home-guide")


def test_an_editor_and_the_page_at_once(open_tab, server):
    """The file changed while somebody typed here: both texts are shown, none is lost, and saving goes on."""
    from playwright.sync_api import expect

    tab = open_tab()
    tab.go("/step/relu")
    file = server.home / "exercises/foundations/relu.py"
    tab.page.fill("#text", "typed = 1\n")
    file.write_text("edited = 2\n")
    tab.page.keyboard.press("Control+s")
    expect(tab.page.locator(".conflict")).to_contain_text("typed = 1")
    assert tab.page.input_value("#text") == "typed = 1\n"
    assert file.read_text() == "edited = 2\n"
    write(tab, "both = 3\n")
    saved(tab)
    assert file.read_text() == "both = 3\n"


@pytest.mark.deep
def test_an_untouched_box_takes_what_an_editor_saves(open_tab, server):
    tab = open_tab()
    tab.go("/step/relu")
    (server.home / "exercises/foundations/relu.py").write_text("edited = 2\n")
    until(tab, "document.getElementById('text').value === 'edited = 2\\n'")


def test_a_lab_is_started_watched_and_stopped(open_tab, server):
    from playwright.sync_api import expect

    tab = open_tab()
    page = tab.page
    tab.go("/lab/digits-pure")
    page.click("summary")
    page.fill("#s-epochs", "-3")
    page.click("button:has-text('Start')")
    expect(page.locator(".refused")).to_contain_text("-3")
    page.fill("#s-epochs", "1000")
    page.click("button:has-text('Start')")
    expect(page.locator("#queue")).to_contain_text("running", timeout=WAIT)
    tab.go("/lab/digits")
    page.click("button:has-text('Start')")
    expect(page.locator("#queue")).to_contain_text("waiting", timeout=WAIT)
    page.click("#queue button:has-text('Take it back')")
    expect(page.locator("#queue")).not_to_contain_text("waiting", timeout=WAIT)
    page.click("a:has-text('digits-pure-0001')")
    expect(page.locator("svg.curves").first).to_be_visible(timeout=WAIT)
    path = page.locator("svg.curves polyline").first
    points = path.get_attribute("points")
    until(tab, f"document.querySelector('svg.curves polyline').getAttribute('points') !== '{points}'")
    tab.shot("home-run")
    page.click("button:has-text('Stop')")
    expect(page.locator("#queue")).to_contain_text("stopped", timeout=WAIT)
    tab.go("/runs/digits-pure-0001")
    expect(page.locator("#verdict")).to_contain_text("unfinished", timeout=WAIT)
    expect(page.locator("button:has-text('Go on')")).to_be_visible()


@pytest.mark.deep
def test_eight_tabs_are_all_alive(open_tab, server):
    """A browser gives a server six connections; with a stream each, the seventh tab would hang."""
    from playwright.sync_api import expect

    first = open_tab()
    tabs = [first, *(open_tab(context=first.page.context) for _ in range(7))]
    (server.home / "exercises/foundations/relu.py").write_text(right_answer("relu"))
    for tab in tabs:
        expect(tab.page.locator("a.step.proven", has_text="relu").first).to_be_visible(timeout=WAIT)
    first.page.close()  # it held the stream
    (server.home / "exercises/foundations/sigmoid.py").write_text(right_answer("sigmoid"))
    for tab in tabs[1:]:
        expect(tab.page.locator("a.step.proven", has_text="sigmoid").first).to_be_visible(timeout=WAIT)


@pytest.mark.deep
def test_by_keyboard_alone(open_tab, server):
    """Skip link, to the next step, into the box and out of it again, to the button that saves."""
    from playwright.sync_api import expect

    tab = open_tab()
    page = tab.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("#next a.button").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/step/scalar-backward"))
    page.focus("#text")
    page.keyboard.press("Control+Home")
    page.keyboard.press("Tab")
    assert page.input_value("#text").startswith("    ")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Save and check"
    page.keyboard.press("Enter")
    expect(page.locator("#verdict h2")).not_to_have_text("Not written yet", timeout=WAIT)


PAGES = {"guide": "/", "step": "/step/relu", "lab": "/lab/digits", "runs": "/runs", "item": "/item/1.modern.gelu"}


DEEP = pytest.mark.deep
LOOKS = [(1200, "light"), pytest.param(1200, "dark", marks=DEEP), (320, "dark"), pytest.param(320, "light", marks=DEEP)]


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_can_be_read_by_everybody(open_tab, width, scheme):
    """No serious fault by axe-core, nothing wider than the screen; light and dark, wide and narrow."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab = open_tab(width=width, scheme=scheme)
    for name, path in PAGES.items():
        tab.go(path)
        faults = [
            f"{fault['id']}: {fault['nodes'][0]['html'][:200]}"
            for fault in axe.run(tab.page).response["violations"]
            if fault["impact"] in {"serious", "critical"}
        ]
        assert faults == [], name
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width, name
        if name in {"guide", "step"} and (width, scheme) in {(320, "light"), (1200, "dark")}:
            tab.shot(f"home-{name}-{'narrow' if width == 320 else 'dark'}")


def test_the_first_page_is_light(open_tab, server):
    tab = open_tab()
    sizes: list[int] = []
    tab.page.on("response", lambda answer: sizes.append(0 if "stream" in answer.url else len(answer.body())))
    tab.go("/")
    tab.page.wait_for_timeout(500)
    assert len(sizes) <= 6
    assert sum(sizes) <= 150_000


@pytest.mark.deep
def test_a_server_that_is_killed_loses_nothing(open_tab, server):
    """Killed during a check, it starts again on the next port, and what was saved is there."""
    tab = open_tab()
    tab.go("/step/relu")
    write(tab, right_answer("relu"))
    file = server.home / "exercises/foundations/relu.py"
    saved(tab)
    server.process.kill()
    server.process.wait()
    assert file.read_text() == right_answer("relu")
    assert upslope(server, "check", "relu").returncode == 0
