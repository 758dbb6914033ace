"""Recurrent layers and additive attention against PyTorch's own, with every shape checked."""

import importlib
import math

import pytest

pytest.importorskip("torch", reason="blocks are made of PyTorch")
pytest.importorskip("beartype", reason="it reads the annotated shapes")

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from upslope.blocks.language.recurrent import RNN
from upslope.checks.contract.annotations import shapes_checked

KINDS = ("rnn", "lstm", "gru")


@pytest.fixture(scope="module")
def recurrent():
    with shapes_checked():
        return importlib.import_module("upslope.blocks.language.recurrent")


def both(recurrent, kind, **settings):
    """A layer of ours and PyTorch's with the same random weights, 5 numbers in and 4 in the state."""
    ours = recurrent.KINDS[kind](5, 4, **settings)
    theirs = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind](
        5, 4, num_layers=settings.pop("depth", 1), batch_first=True, **settings
    )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 2)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def as_pytorch(state):
    """Our tuple as PyTorch's state: the tensor itself where there is one."""
    return state if len(state) == 2 else state[0]


def compare(one, other, x, begin, out, expected, same):
    """Outputs, last states and the gradients of the input, the first state and every weight."""
    same(out[0], expected[0])
    for a, b in zip(out[1], expected[1], strict=True):
        same(a, b)
    upstream = torch.randn(out[0].shape, generator=torch.Generator().manual_seed(1))
    for (states, last), model in ((out, one), (expected, other)):
        model.zero_grad()
        ((states * upstream).sum() + sum((each**2).sum() for each in last)).backward()
    same(x[0].grad, x[1].grad, 1e-5)
    for a, b in begin:
        same(a.grad, b.grad, 1e-5)
    for name, parameter in other.named_parameters():
        same(dict(one.named_parameters())[name].grad, parameter.grad, 1e-5)


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_layers_equal_pytorchs(recurrent, same, generator, kind, bidirectional, depth):
    ours, theirs = both(recurrent, kind, bidirectional=bidirectional, depth=depth)
    x = torch.randn(3, 6, 5, generator=generator)
    states = [torch.randn(depth * (1 + bidirectional), 3, 4, generator=generator) for _ in range(ours.states)]
    x = [x.clone().requires_grad_() for _ in range(2)]
    begin = [(state.clone().requires_grad_(), state.clone().requires_grad_()) for state in states]
    out = ours(x[0], tuple(a for a, _ in begin))
    found, last = theirs(x[1], as_pytorch([b for _, b in begin]))
    compare(ours, theirs, x, begin, out, (found, last if ours.states == 2 else (last,)), same)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_lengths_do_what_packing_does(recurrent, same, generator, kind, bidirectional):
    """Sequences of 6, 1 and 4 steps, in which the padding holds nan."""
    ours, theirs = both(recurrent, kind, bidirectional=bidirectional, depth=2)
    lengths, values = torch.tensor([6, 1, 4]), torch.randn(3, 6, 5, generator=generator)
    values[torch.arange(6) >= lengths[:, None]] = math.nan
    x = [values.clone().requires_grad_() for _ in range(2)]
    out = ours(x[0], lengths=lengths)
    found, last = theirs(pack_padded_sequence(x[1], lengths, batch_first=True, enforce_sorted=False))
    expected = pad_packed_sequence(found, batch_first=True)[0], last if ours.states == 2 else (last,)
    compare(ours, theirs, x, (), out, expected, same)


def test_a_sequence_of_no_steps_keeps_its_state(recurrent, generator):
    ours, _ = both(recurrent, "gru", bidirectional=True)
    begin = torch.randn(2, 2, 4, generator=generator)
    out, (last,) = ours(torch.randn(2, 3, 5, generator=generator), (begin,), lengths=torch.tensor([0, 3]))
    assert torch.equal(last[:, 0], begin[:, 0])
    assert not out[0].any()


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_the_plain_cell_is_pytorchs(recurrent, same, generator, nonlinearity):
    cell = nn.RNNCell(5, 4, nonlinearity=nonlinearity)
    x, h = torch.randn(3, 5, generator=generator), torch.randn(3, 4, generator=generator)
    share = x @ cell.weight_ih.T + cell.bias_ih + cell.bias_hh
    same(recurrent.rnn_cell(share, h, weight=cell.weight_hh, nonlinearity=nonlinearity), cell(x, h))


def test_the_cells_are_pytorchs(recurrent, same, generator):
    x, h, c = (torch.randn(3, size, generator=generator) for size in (5, 4, 4))
    lstm, gru = nn.LSTMCell(5, 4), nn.GRUCell(5, 4)
    share = x @ lstm.weight_ih.T + lstm.bias_ih + lstm.bias_hh
    for ours, theirs in zip(recurrent.lstm_cell(share, h, c, weight=lstm.weight_hh), lstm(x, (h, c)), strict=True):
        same(ours, theirs)
    share = x @ gru.weight_ih.T + gru.bias_ih
    same(recurrent.gru_cell(share, h, weight=gru.weight_hh, bias=gru.bias_hh), gru(x, h))


def test_a_text_may_be_read_in_pieces(recurrent, same, generator):
    ours, _ = both(recurrent, "lstm", depth=2)
    x = torch.randn(2, 7, 5, generator=generator)
    whole, last = ours(x)
    first, state = ours(x[:, :3])
    second, end = ours(x[:, 3:], state)
    same(torch.cat([first, second], dim=1), whole)
    for a, b in zip(end, last, strict=True):
        same(a, b)


def test_an_irnn_begins_as_a_sum(recurrent):
    """Its weights are the identity, so what is fed in stays, for as long as it is not negative."""
    layer = recurrent.RNN(2, 2, nonlinearity="relu", identity=True)
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.eye(2))
    out, _ = layer(torch.tensor([[[1.0, 2.0], [3.0, 0.0], [0.0, 5.0]]]))
    assert out[0].tolist() == [[1, 2], [4, 2], [4, 7]]


def test_a_forget_bias_opens_the_forget_gates(recurrent):
    torch.manual_seed(0)
    plain = recurrent.LSTM(3, 4)
    torch.manual_seed(0)
    open_ = recurrent.LSTM(3, 4, forget_bias=2.0)
    difference = open_.bias_ih_l0 - plain.bias_ih_l0
    assert difference.tolist() == pytest.approx([0] * 4 + [2] * 4 + [0] * 8)


def test_dropout_acts_between_layers_in_training_only(recurrent, generator):
    x = torch.randn(2, 3, 5, generator=generator)
    one, two = recurrent.GRU(5, 4, dropout=0.5), recurrent.GRU(5, 4, depth=2, dropout=0.5)
    assert torch.equal(one(x)[0], one(x)[0]), "one layer has nothing in between"
    assert not torch.equal(two(x)[0], two(x)[0])
    assert torch.equal(two.eval()(x)[0], two(x)[0])


def test_what_cannot_be_read_is_refused(recurrent):
    with pytest.raises(ValueError, match=r"in_dim=5, dim=0 and depth=1 must be at least 1"):
        recurrent.LSTM(5, 0)
    with pytest.raises(ValueError, match=r"a length of 4 is more than the 3 steps of x"):
        recurrent.LSTM(5, 2)(torch.zeros(2, 3, 5), lengths=torch.tensor([4, 1]))
    with pytest.raises(ValueError, match=r"\(2, 0, 5\), and a sequence needs at least 1 step"):
        recurrent.LSTM(5, 2)(torch.zeros(2, 0, 5))
    with pytest.raises(ValueError, match=r'nonlinearity="gelu" is none of'):
        RNN(5, 2, nonlinearity="gelu")


def test_additive_attention_is_the_papers_sum(same_gradients, generator):
    """Equations 5 and 6 with one key after the other."""
    with shapes_checked():
        attention = importlib.import_module("upslope.blocks.language.additive_attention")
    query, keys, values, v = (torch.randn(shape, generator=generator) for shape in ((2, 4), (2, 3, 4), (2, 3, 5), (4,)))

    def one_by_one(query, keys, values, v):
        scores = torch.stack([((query + keys[:, s]).tanh() * v).sum(dim=-1) for s in range(3)], dim=-1)
        weights = scores.exp() / scores.exp().sum(dim=-1, keepdim=True)
        return sum(weights[:, s, None] * values[:, s] for s in range(3))

    same_gradients(
        lambda q, k, x, v: attention.additive_attention(q, k, x, v=v), one_by_one, query, keys, values, v, within=1e-5
    )
