"""The numbers worked by hand in the lessons on language models are what the library gives, and the lessons say them."""

import math

import numpy as np
import pytest

from upslope.academy.lessons import steps

pytestmark = pytest.mark.needs("torch")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def says(name: str, *words: str) -> None:
    step = next(step for step in steps() if step.name == name)
    prose = " ".join(step.body.replace("−", "-").split())
    for word in words:
        assert word in prose, word


def test_numbers_of_next_token(torch):
    from upslope.blocks.language.sampling import next_token_probabilities

    logits = torch.log(torch.tensor([1.0, 2.0, 5.0]))
    assert (next_token_probabilities(logits) * 8).tolist() == pytest.approx([1, 2, 5])
    assert (next_token_probabilities(logits, top_k=2) * 7).tolist() == pytest.approx([0, 2, 5])
    assert (next_token_probabilities(logits, temperature=0.5) * 30).tolist() == pytest.approx([1, 4, 25])
    assert (next_token_probabilities(logits, top_p=0.7) > 0).tolist() == [False, True, True]
    says("next-token", "1/8, 2/8, 5/8", "2/7 and 5/7", "1, 4, 25, over 30", "0.625 < 0.7", "0.875. Two stay")


def test_numbers_of_min_p(torch):
    from upslope.blocks.language.min_p import keep_min_p

    probabilities = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    assert keep_min_p(probabilities, 0.5).tolist() == pytest.approx([0.625, 0.375, 0])
    assert (keep_min_p(probabilities, 0.4) > 0).all()
    says("min-p", "the bar is 0.25, two tokens pass", "0.8, and 0.625, 0.375, 0 is left", "the bar is 0.2")


def test_numbers_of_kneser_ney():
    from upslope.blocks.language.kneser_ney import kneser_ney

    count, total, distinct, lower = (np.array(each) for each in (2.0, 4.0, 3.0, 0.2))
    assert kneser_ney(count, total, distinct, lower, discount=0.5) == pytest.approx(0.45)
    assert kneser_ney(count, total, distinct, 0 * lower, discount=0.5) == pytest.approx(0.375)
    says("kneser-ney", "(2 - 0.5)/4 = 0.375", "0.5 · 3/4 = 0.375", "0.075. Together 0.45")


def test_numbers_of_rms_norm(torch):
    from upslope.blocks.language.rms_norm import rms_norm

    x = torch.tensor([1.0, 7.0])
    assert rms_norm(x, eps=0.0).tolist() == pytest.approx([0.2, 1.4])
    assert torch.nn.functional.layer_norm(x, (2,), eps=0.0).tolist() == pytest.approx([-1, 1])
    says("rms-norm", "their mean is 25, the root 5. y = [0.2, 1.4]", "[-1, 1]")


def test_numbers_of_rotary_embedding(torch):
    from upslope.blocks.language.rotary import rotary_embedding

    rows = rotary_embedding(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    assert rows[1].tolist() == pytest.approx([0.5403, 0.8415], abs=1e-4)
    assert float(rows[0] @ rows[1]) == pytest.approx(0.5403, abs=1e-4)
    says("rotary-embedding", "[0.5403, 0.8415]", "product is 0.5403")


def test_numbers_of_newton_schulz(torch):
    from upslope.blocks.language.muon import newton_schulz

    g = torch.tensor([[3.0]])
    steps_of = [float(newton_schulz(g, steps=number, eps=0.0)) for number in (0, 1, 2)]
    assert steps_of == pytest.approx([1, 0.701, 1.1136], abs=1e-4)
    says("newton-schulz", "a + b + c = 0.701", "= 1.1136")


def test_numbers_of_the_lab_gpt(torch):
    from upslope.models.build import build

    block = build("gpt-characters").blocks[0]
    assert sum(p.numel() for p in block.parameters()) == 196_608
    assert math.log(65) == pytest.approx(4.174, abs=1e-3)
    assert math.log2(65) == pytest.approx(6.02, abs=1e-2)
    assert 1.6 / math.log(2) == pytest.approx(2.31, abs=1e-2)
    assert math.exp(1.6) == pytest.approx(4.95, abs=1e-2)
    says("gpt", "196,608", "786,432", "ln 65 = 4.174", "6.02", "2.31 bits", "e^1.6 = 4.95")


def test_numbers_of_lstm_cell(torch):
    from upslope.blocks.language.recurrent import lstm_cell

    ln3 = math.log(3)
    x, h, c = torch.tensor([[-ln3, ln3, ln3, 0.0]]), torch.zeros(1, 1), torch.tensor([[0.4]])
    hidden, cell = lstm_cell(x, h, c, weight=torch.zeros(4, 1))
    assert float(cell) == pytest.approx(0.5)
    assert float(hidden) == pytest.approx(0.2311, abs=1e-4)
    assert math.tanh(ln3) == pytest.approx(0.8)
    says("lstm-cell", "σ(-ln 3) = 0.25", "tanh(ln 3) = 0.8", "= 0.5 and h' = 0.5 · tanh(0.5) = 0.2311")


def test_numbers_of_gru_cell(torch):
    from upslope.blocks.language.recurrent import gru_cell

    ln3 = math.log(3)
    x, h, bias = torch.tensor([[-ln3, ln3, 0.0]]), torch.tensor([[0.4]]), torch.tensor([0.0, 0.0, 4 * ln3])
    assert float(gru_cell(x, h, weight=torch.zeros(3, 1), bias=bias)) == pytest.approx(0.5)
    says("gru-cell", "r = 0.25 and z = 0.75", "h' = 0.25 · 0.8 + 0.75 · 0.4 = 0.5")


def test_numbers_of_additive_attention(torch):
    from upslope.blocks.language.additive_attention import additive_attention

    keys, values = torch.tensor([[0.0], [math.atanh(0.5)]]), torch.tensor([[0.0], [4.0]])
    v = torch.tensor([2 * math.log(3)])
    assert float(additive_attention(torch.zeros(1), keys, values, v=v)) == pytest.approx(3)
    says("additive-attention", "the weights 0.25 and 0.75", "the context is 3")


def test_numbers_of_the_lab_memory():
    assert math.isclose(2 / 12, 0.167, abs_tol=1e-3)
    assert math.isclose(0.7**59, 7e-10, rel_tol=0.05)
    says("memory", "0.167", "0.7⁵⁹ = 7 · 10⁻¹⁰")


def test_numbers_of_the_lab_directions(torch):
    from upslope.models.build import build

    def weights(**settings):
        return sum(p.numel() for p in build("bilstm-tagger", **settings).lstm.parameters())

    assert weights(direction="forward") == weights(direction="backward") == 99_328
    assert weights() == 66_560
    says("directions", "99,328", "66,560")


def test_numbers_of_verse():
    from upslope.text.meter import Meter

    two = {word: [tuple(sounds.split())] for word, sounds in (("yonder", "Y AA1 N D ER0"), ("window", "W IH1 N D OW0"))}
    meter = Meter(two)
    assert meter.places("But soft, what light through") == {5}, "yon- is the sixth"
    assert meter.places("But soft, what light through yonder") == {7}, "win- is the eighth"
    line = "But soft, what light through yonder window breaks"
    assert meter.places(line) == {10}
    assert meter.scans(line)
    assert 2**2 == 4
    says("verse", line, "yon- is the sixth, win- the eighth", "perplexity of 2² = 4")
