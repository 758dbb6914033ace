"""Attention on a sentence: the tables are those of the model, heads are named after what they do, the page is whole."""

import base64
import json
import re
import shutil

import numpy as np
import pytest

pytest.importorskip("torch", reason="the models are made of PyTorch")

import torch
from torch.nn import functional as F

from upslope.models.build import built
from upslope.runs.errors import RunProblem
from upslope.ship.language import embeddings, loading
from upslope.ship.language.attention import Attention, Label, look, pattern
from upslope.ship.language.attention_html import page, write_page
from upslope.ship.language.embeddings import Embedder
from upslope.ship.language.language_model import LanguageModel
from upslope.ship.language.loading import CharacterTokenizer
from upslope.text.wordpiece import WordPiece

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "cat", "##s", "sat", "."]
SENTENCE = "the the 12 <|im_end|> the"


@pytest.fixture
def small(model, monkeypatch):
    """`upslope look small.gguf`."""
    monkeypatch.setattr(loading, "load", lambda word, quiet=False: model)
    return model


@pytest.fixture
def sentences(monkeypatch):
    """In place of MiniLM: a small BERT with random weights."""
    module = built("bert-toy", seed=0, pretraining=False).module.eval()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    found = Embedder("minilm", module, WordPiece({piece: n for n, piece in enumerate(PIECES)}), longest=8)
    monkeypatch.setattr(embeddings, "load", lambda name, quiet=False: found)
    return found


@torch.no_grad()
def test_a_causal_model(small):
    got = look("small.gguf", SENTENCE)
    assert [label.text for label in got.tokens[:6]] == ["the", "␣", "the", "␣", "1", "2"]
    assert got.ids == tuple(small.tokens_of_text(SENTENCE))
    assert small.tokenizer.special["<|im_end|>"] not in got.ids
    assert got.weights.shape == (2, 4, len(got.ids), len(got.ids))
    assert got.causal
    np.testing.assert_allclose(got.weights.sum(axis=-1), 1, atol=1e-5)
    # What the first block's heads gather is what its attention gives.
    block, seen = small.module.blocks[0], []
    hook = block.projection.register_forward_pre_hook(lambda module, given: seen.append(given[0][0]))
    x = block.norm1(small.module.embedding(torch.tensor([got.ids])))
    small.module(torch.tensor([got.ids]))
    hook.remove()
    v = F.linear(x, block.qkv.weight)[0, :, -2 * 16 :].reshape(-1, 2, 16).repeat_interleave(2, dim=1)
    gathered = torch.einsum("hts,shd->thd", torch.from_numpy(got.weights[0].copy()), v).flatten(1)
    torch.testing.assert_close(gathered, seen[0], atol=1e-5, rtol=1e-4)


def test_a_model_of_sentences(sentences):
    got = look("minilm", "The cats sat.")
    assert got.tokens == tuple(Label(text, text == "s") for text in ("[CLS]", "the", "cat", "s", "sat", ".", "[SEP]"))
    assert not got.causal
    assert got.left_out == 0
    long = look("minilm", "cats " * 20)
    assert (len(long.ids), long.tokens[-1].text, long.left_out) == (8, "[SEP]", 34)


def test_a_long_sentence_and_characters(monkeypatch):
    module = built("gpt-toy", seed=0).module.eval()
    plain = LanguageModel("gpt-0001", "a model of characters", module, CharacterTokenizer("ab \n" + "xyz"), context=16)
    monkeypatch.setattr(loading, "load", lambda word, quiet=False: plain)
    got = look("gpt-0001", "ab\nab ab" * 4)
    assert (len(got.ids), got.left_out) == (16, 16)
    assert [label.text for label in got.tokens[:7]] == ["a", "b", "⏎", "a", "b", "␣", "a"]
    assert all(label.joined for label in got.tokens[1:])
    with pytest.raises(RunProblem, match="the text holds 'q', which the model does not know"):
        look("gpt-0001", "aq")
    module.head.weight.data.zero_()
    module.blocks[0].qkv.weight.data.fill_(float("nan"))
    with pytest.raises(RunProblem, match="gpt-0001 has attention that is no number"):
        look("gpt-0001", "ab")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("resnet50", "resnet50 cannot be looked at on a sentence, it reads no text: smollm2-135m-instruct and minilm"),
        ("llama-2-7b", "llama-2-7b cannot be looked at on a sentence, no weights of it are published here"),
        ("gpt-0007", 'there is no language model "gpt-0007"'),
    ],
)
def test_what_cannot_be_looked_at(word, said):
    with pytest.raises(RunProblem, match=re.escape(said)):
        look(word, "the cat")
    with pytest.raises(RunProblem, match=f"the sentence is empty: upslope look {word} "):
        look(word, " \n")


def eye(shift, count=8):
    """Each token looks at the one `shift` places before it, where there is one, else at the first."""
    table = np.zeros((count, count), dtype=np.float32)
    for t in range(count):
        table[t, t - shift if 0 <= t - shift < count else 0] = 1
    return table


def test_patterns():
    ids, again = list(range(8)), [0, 1, 2, 3, 0, 1, 2, 3]
    assert pattern(eye(0), ids) == ("itself", 1.0)
    assert pattern(eye(1), ids) == ("previous token", 1.0)
    assert pattern(eye(8), ids) == ("first token", 1.0)
    assert pattern(eye(-1), ids) == ("next token", 1.0)
    assert pattern(eye(4), again) == ("same token, earlier", 1.0)
    assert pattern(eye(3), again) == ("induction", 1.0)
    assert pattern(eye(3), ids)[0] == "spread out"
    assert pattern(np.full((8, 8), 1 / 8, dtype=np.float32), ids) == ("spread out", 0.125)
    for count in (1, 2):
        assert pattern(eye(0, count), ids[:count])[0] == "spread out"


def of_heads(*heads):
    weights = np.array([heads], dtype=np.float32)
    labels = tuple(Label(f"t{n}", False) for n in range(weights.shape[-1]))
    return Attention("m", "a model", "", labels, tuple(range(len(labels))), weights, 0)


def test_the_page_opens_at_a_head_that_looks_at_something():
    assert of_heads(eye(8), eye(0), eye(2), np.tril(np.ones((8, 8))) / 8).sharpest() == (0, 2)
    assert of_heads(np.ones((1, 1))).sharpest() == (0, 0)


def data_of(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_the_page_holds_the_numbers_and_nothing_from_outside(small):
    got = look("small.gguf", SENTENCE)
    text = page(got, layer=1, head=2)
    held = data_of(text)
    packed = np.frombuffer(base64.b64decode(held["weights"]), dtype="<u2").reshape(got.weights.shape) / 65535
    np.testing.assert_allclose(packed, got.weights, atol=1e-5)
    assert (held["layer"], held["head"], held["causal"]) == (1, 2, True)
    assert sum(number for _, number in held["kinds"]) == 8
    assert not re.findall(r"(?:src|href|url)\s*[=(]|@import", text)
    outside = set(re.findall(r"https?://[^\"' ]+", text))
    assert outside == {"http://www.w3.org/2000/svg"}  # the name of a namespace
    cells = re.findall(r"<td>(.*?)</td>", text)
    assert len(cells) == len(got.ids) ** 2
    assert cells[0] == "100.0"
    assert cells[1] == ""  # not seen


def test_a_sentence_cannot_end_the_script():
    got = of_heads(eye(0, 2))
    labels = (Label("</script><script>alert(1)</script>", False), Label("<img>", True))
    text = page(Attention("<b>m", "a <i>", "", labels, (0, 1), got.weights, 0), layer=0, head=0)
    assert "alert(1)</script>" not in text
    assert "<img>" not in text
    assert "<b>m" not in text
    assert data_of(text)["tokens"][0][0] == labels[0].text


def test_only_pages_of_its_own_are_written_over(tmp_path):
    got = of_heads(eye(0))
    path = tmp_path / "a.html"
    for _ in range(2):
        write_page(got, path, layer=0, head=0)
    path.write_text("mine")
    with pytest.raises(
        RunProblem, match=r"a\.html is there, and no page of upslope look: name another file with --out"
    ):
        write_page(got, path, layer=0, head=0)
    assert path.read_text() == "mine"
    with pytest.raises(RunProblem, match="is a folder: name another file with --out"):
        write_page(got, tmp_path, layer=0, head=0)


@pytest.mark.needs("browser")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(small, tmp_path, scheme):
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    got = look("small.gguf", SENTENCE)
    write_page(got, tmp_path / "a.html", layer=0, head=1)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1300, "height": 900}, color_scheme=scheme)
        complaints, asked = [], []
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto((tmp_path / "a.html").as_uri())
        says, title = tab.locator("#says"), tab.locator("#title")
        assert title.inner_text() == "Layer 1, head 2"
        last = len(got.ids) - 1
        shown = tab.locator(".token small").all_inner_texts()
        wanted = [f"{round(100 * share)}" if share >= 0.01 else "" for share in got.weights[0, 1, last].tolist()]
        # Rounding to 16 bits may move a share across a half.
        assert [abs(int(a or 0) - int(b or 0)) <= 1 for a, b in zip(shown, wanted, strict=True)] == [True] * (last + 1)
        # By keyboard: to the token before, to the head below.
        tab.locator(".token").nth(last).focus()
        tab.keyboard.press("ArrowLeft")
        assert tab.locator(".token[aria-pressed=true]").count() == 1
        assert tab.locator(".token").nth(last - 1).get_attribute("aria-pressed") == "true"
        assert "not seen" in tab.locator(".token").nth(last).get_attribute("aria-label")
        tab.locator(".head").nth(1).focus()
        tab.keyboard.press("ArrowDown")
        assert title.inner_text() == "Layer 2, head 2"
        # By pointer: shown while it is there, kept by a click.
        tab.locator(".head").nth(3).hover()
        assert title.inner_text() == "Layer 1, head 4"
        tab.locator("h1").hover()
        assert title.inner_text() == "Layer 2, head 2"
        tab.locator(".token").nth(0).click()
        tab.locator("h1").hover()
        assert "it looks at itself 100 %" in says.inner_text()
        tab.locator("summary").click()
        rows = tab.locator("#table tbody tr").all()
        assert len(rows) == last + 1
        assert rows[0].locator("td").first.inner_text() == "100.0"
        assert "Layer 2, head 2" in tab.locator("#table caption").inner_text()
        before = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        tab.locator("#theme").click()
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != before
        tab.locator("#theme").click()
        found = Axe().run(tab)
        assert found.violations_count == 0, found.generate_report()
        tab.set_viewport_size({"width": 320, "height": 700})
        assert tab.evaluate("document.documentElement.scrollWidth") <= 320
        assert complaints == []
        assert asked == [(tmp_path / "a.html").as_uri()]
        browser.close()
