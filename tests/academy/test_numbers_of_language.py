"""The numbers worked by hand in the lessons on language models are what the library gives, and the lessons say them."""

import math

import numpy as np
import pytest
from tests.academy.lesson_prose import says

pytestmark = pytest.mark.needs("torch")


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


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


def test_numbers_of_continuation_counts():
    from upslope.blocks.language.kneser_ney import KneserNey, continuation_counts

    tokens = np.array([0, 1, 0, 1, 2, 1])
    one, two = continuation_counts(tokens, order=2, vocab_size=3)
    assert [each.tolist() for each in (*one, *two)] == [[0, 1, 2], [1, 2, 1], [1, 3, 5, 7], [2, 1, 1, 1]]
    assert KneserNey(tokens, order=2, vocab_size=3).tables[1].discount == pytest.approx(0.6)
    assert round(65**6 / 1e9) == 75
    says("continuation-counts", "1, 3, 5, 7 with the counts 2, 1, 1, 1", "behind 0 and 2 only: 2", "D = 3/5 = 0.6")
    says("continuation-counts", "75 billion")


def test_numbers_of_bits_per_byte():
    from upslope.text.bits_per_byte import bits_per_byte

    two, one = np.log([2.0, 8.0]), np.log([16.0])
    assert bits_per_byte(two, "hé.") == bits_per_byte(one, "hé.") == pytest.approx(1)
    assert [two.mean(), one.mean()] == pytest.approx([1.39, 2.77], abs=5e-3)
    says("bits-per-byte", "1 + 3 bits, 1.0 bits per byte", "4 bits, 1.0", "1.39 and 2.77")


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


def test_numbers_of_sinusoids(torch):
    from upslope.blocks.language.sinusoidal import sinusoidal_positions

    first, second = sinusoidal_positions(2, 2)
    assert first.tolist() == [0, 1]
    assert second.tolist() == pytest.approx([0.8415, 0.5403], abs=1e-4)
    assert float(first @ second) == pytest.approx(math.cos(1))
    assert 2 * math.pi == pytest.approx(6, abs=0.3)
    says("sinusoids", "[sin 1, cos 1] = [0.8415, 0.5403]", "0 · 0.8415 + 1 · 0.5403 = cos 1", "about 6 for the first")


def test_numbers_of_swiglu(torch):
    from upslope.blocks.language.swiglu import SwiGLU

    mlp = SwiGLU(1, hidden=1)
    mlp.load_state_dict({"gate_up.weight": torch.tensor([[1.0], [2.0]]), "down.weight": torch.tensor([[4.0]])})
    assert mlp(torch.tensor([[1.0], [-1.0]])).flatten().tolist() == pytest.approx([5.8485, 2.1515], abs=1e-4)
    assert torch.nn.functional.silu(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([0.7311, -0.2689], abs=1e-4)
    wide = SwiGLU(768, hidden=2048)
    assert sum(p.numel() for p in wide.parameters()) == 2 * 768 * 3072 == 4_718_592
    says(
        "swiglu", "= 0.7311", "1.4621, and 4 times that is 5.8485", "-0.2689, up is -2, the result 2.1515", "4,718,592"
    )


def test_numbers_of_t5_buckets(torch):
    from upslope.blocks.language.relative_buckets import relative_buckets

    def bucket(*distances):
        given = torch.tensor(distances)
        return relative_buckets(given, bidirectional=False, buckets=8, max_distance=16).tolist()

    assert bucket(-3, -6, -9, -100) == [3, 5, 6, 7]
    assert 4 * math.log(6 / 4) / math.log(16 / 4) == pytest.approx(1.17, abs=1e-2)
    assert 4 * math.log(9 / 4) / math.log(16 / 4) == pytest.approx(2.34, abs=1e-2)
    assert bucket(-4, -5, -6, -7, -8, -11, -12) == [4, 4, 5, 5, 6, 6, 7]
    says("t5-buckets", "4 · ln(6/4) / ln(16/4) = 1.17", "bucket 4 + 1 = 5", "2.34", "is in bucket 6")


def test_numbers_of_beam_step(torch):
    from upslope.blocks.language.beam import beam_step

    first = torch.tensor([[0.6, 0.4]], dtype=torch.float64).log()
    best, texts, tokens = beam_step(torch.zeros(1, dtype=torch.float64), first, 2)
    assert (best.exp().tolist(), texts.tolist(), tokens.tolist()) == (pytest.approx([0.6, 0.4]), [0, 0], [0, 1])
    second = torch.tensor([[0.4, 0.35, 0.25], [0.05, 0.9, 0.05]], dtype=torch.float64).log()
    best, texts, tokens = beam_step(best, second, 2)
    assert best.exp().tolist() == pytest.approx([0.36, 0.24])
    assert (texts.tolist(), tokens.tolist()) == ([1, 0], [1, 0])
    scores, table = torch.tensor([-1.0, -2.0]), torch.tensor([[-3.0, -1.0], [-0.5, -4.0]])
    best, texts, tokens = beam_step(scores, table, 2)
    assert (best.tolist(), texts.tolist(), tokens.tolist()) == ([-2, -2.5], [0, 1], [1, 0])
    says("beam-step", "0.4 · 0.9 = 0.36", "0.6 · 0.4 = 0.24", "[[-4, -2], [-2.5, -6]]", "texts 0 and 1, tokens 1 and 0")


def test_numbers_of_padding_mask(torch):
    from upslope.blocks.language.masks import padding_mask

    real = torch.tensor([[False, True, True]])
    assert padding_mask(real, causal=True).int().tolist() == [[[[1, 0, 0], [0, 1, 0], [0, 1, 1]]]]
    assert padding_mask(real, causal=True, start=2).int().tolist() == [[[[0, 1, 1]]]]
    assert padding_mask(real).int().tolist() == [[[[1, 1, 1], [0, 1, 1], [0, 1, 1]]]]
    says("padding-mask", "rows [1, 0, 0], [0, 1, 0] and [0, 1, 1]", "the row [0, 1, 1] alone", "first row [1, 1, 1]")


def test_numbers_of_cache_step(torch):
    from upslope.blocks.language.cache import extend_buffer

    rooms, copied, buffer = [], 0, None
    for used in range(200):
        got = extend_buffer(buffer, torch.zeros(1, 1, 1, 1), used=used, most=4096, first=4)
        if got is not buffer:
            rooms.append(got.shape[2])
            copied += used
        buffer = got
    assert rooms == [4, 10, 22, 46, 94, 190, 382][: len(rooms)]
    assert (len(rooms), copied) == (7, 4 + 10 + 22 + 46 + 94 + 190)
    assert sum(range(200)) == 19_900
    assert 30 * 2 * 3 * 64 * 4 == 46_080
    says("cache-step", "4, 10, 22, 46, 94, 190, 382", "366 rows", "19,900", "46,080 bytes")


def test_numbers_of_grouped_queries(torch):
    from upslope.blocks.language.grouped_queries import grouped_query_attention

    q, k = torch.zeros(1, 4, 1, 1), torch.zeros(1, 2, 2, 1)
    v = torch.tensor([[[[1.0], [3.0]], [[5.0], [7.0]]]])
    assert grouped_query_attention(q, k, v).flatten().tolist() == [2, 2, 6, 6]
    assert (30 * 2 * 3 * 64 * 4, 30 * 2 * 9 * 64 * 4) == (46_080, 138_240)
    says("grouped-queries", "The heads get 2, 2, 6, 6", "46,080 bytes of cache for a token, not 138,240")


def test_numbers_of_prompting(torch):
    from upslope.blocks.language.label_likelihood import contextual_calibration

    free, given = torch.tensor([[0.8, 0.2]]).log(), torch.tensor([[0.6, 0.4]]).log()
    assert contextual_calibration(given, free).exp()[0].tolist() == pytest.approx([3 / 11, 8 / 11])
    says("prompting", "0.8 positive, 0.2 negative", "0.75 and 2: negative", "0.27 and 0.73")


def test_numbers_of_induction():
    from upslope.data.repetition import ALPHABET, LONGEST, SHORTEST

    assert (SHORTEST + LONGEST) / 2 == 20
    assert math.log(len(ALPHABET)) == pytest.approx(4.159, abs=5e-4)
    says("induction", "8 to 32 random letters", "1/20 = 5 %", "ln 64 = 4.159")


def test_numbers_of_the_lab_battle():
    from scipy.sparse import csr_array

    from upslope.text.classify.nbsvm import log_count_ratio

    # A second word makes the classes equally long; it is as common in both as the first is in the other.
    blame, praise = np.arange(100), np.arange(100)
    counts = np.concatenate([np.stack([blame < 30, blame < 5], axis=1), np.stack([praise < 5, praise < 30], axis=1)])
    ratio = log_count_ratio(csr_array(counts.astype(np.int64)), np.arange(200) >= 100)
    assert ratio[0] == pytest.approx(math.log(6 / 31))
    says("battle", "30 of 100", "5 of 100", f"ln(6/31) = {ratio[0]:.2f}")
