"""The page in a real browser: a convolution and a pooling stepped through by keys and mouse, numbers that add up."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.home.conftest import CHROMIUM

pytestmark = pytest.mark.needs("browser", "torch")


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(CHROMIUM))
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, made_run, photograph, tmp_path):
    """`opened(family, channels)`: the page, what it shows, of which run; it complains of nothing and asks nothing."""
    from upslope.ship.vision.look import look
    from upslope.ship.vision.look_html import write_page

    complaints, pages = [], []

    def opened(family, channels, **settings):
        folder = str(made_run(family, channels=channels))
        looked = look(folder, str(photograph))
        path = tmp_path / "look.html"
        write_page(looked, path)
        page = chromium.new_page(**settings)
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(("file:", "data:")) else complaints.append(asked))
        page.goto(Path(path).as_uri())
        pages.append(page)
        return page, looked, folder

    yield opened
    for page in pages:
        page.close()
    assert complaints == []


def number(text):
    return float(text.replace("−", "-"))


def total(page, section):
    return number(page.inner_text(f"#{section} .sum b"))


def place(page, section):
    row, column = re.findall(r"\d+", page.inner_text(f"#{section} .place"))
    return int(row) - 1, int(column) - 1


def result(it, looked, folder, kind, at, chosen=0):
    """What the network itself has at this place of this map."""
    import torch

    from upslope.explain.trace import recorded
    from upslope.ship.predictor import load

    model = load(folder).network.module
    calls = [call for call in recorded(model, torch.from_numpy(looked.shown.seen[None])) if call.kind == kind]
    return float(calls[0].output[0, it["channels"][chosen], at[0], at[1]])


@pytest.mark.parametrize(("family", "channels"), [("lenet", 1), pytest.param("googlenet", 3, marks=pytest.mark.deep)])
def test_stepping(opened, family, channels):
    page, looked, folder = opened(family, channels)
    for section, it in (("convolution", looked.convolution), ("pooling", looked.pooling)):
        assert place(page, section) == tuple(it["start"])
        pane = page.locator(f"#{section} .pane.out")
        pane.focus()
        for key in ["ArrowUp"] * it["output"][1] + ["ArrowLeft"] * it["output"][2]:
            page.keyboard.press(key)
        assert place(page, section) == (0, 0)  # the corner, where padding lies under the window, and not beyond
        for keys, at in ((["ArrowRight"] * 3, (0, 3)), (["ArrowDown"] * 2, (2, 3))):
            for key in keys:
                page.keyboard.press(key)
            assert place(page, section) == at
            assert total(page, section) == pytest.approx(result(it, looked, folder, section, at), abs=2e-3)
        # Every product is a number of the window times a weight, and they sum to what is said.
        if section == "convolution":
            cells = [page.locator("#convolution .cells").nth(n).locator("span").all_inner_texts() for n in range(3)]
            window, weights, products = (np.array([number(cell) for cell in some]) for some in cells)
            assert len(window) == it["kernel"][0] * it["kernel"][1]
            np.testing.assert_allclose(window * weights, products, atol=0.03)
            assert page.locator("#convolution .product").count() == channels
        # By mouse: the middle of the lower right cell of what comes out; away again, back at the kept place.
        box = pane.locator("canvas").bounding_box()
        page.mouse.move(box["x"] + box["width"] - 3, box["y"] + box["height"] - 3)
        assert place(page, section) == (it["output"][1] - 1, it["output"][2] - 1)
        page.mouse.move(2, 2)
        assert place(page, section) == (2, 3)
        # Another filter, the same place.
        page.locator(f"#{section} .chips button").nth(1).click()
        assert total(page, section) == pytest.approx(result(it, looked, folder, section, (2, 3), chosen=1), abs=2e-3)


def test_classes_themes_and_reading_aloud(opened):
    page, looked, _ = opened("vit", 3, color_scheme="dark")
    overlay = page.locator(".explanation .over").nth(1)
    before = overlay.get_attribute("src"), page.locator(".said").nth(1).inner_text()
    page.locator("#explained .chip").nth(2).click()
    assert (overlay.get_attribute("src"), page.locator(".said").nth(1).inner_text()) != before
    assert looked.explained[2] in page.locator(".said").nth(1).inner_text()
    assert "This network has none" in page.inner_text("main")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.click("#theme")
    assert page.evaluate(ground) != dark
    page.set_viewport_size({"width": 420, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    faults = [(fault["id"], fault["impact"]) for fault in axe.run(page).response["violations"]]
    assert [fault for fault in faults if fault[1] in ("serious", "critical")] == []
