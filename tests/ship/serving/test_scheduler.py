"""Texts that are written together are those that each is alone; slots are shared out, given back and counted."""

import queue
import threading
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="language models are made of PyTorch")

from upslope.ship.language.settings import GenerationSettings
from upslope.ship.serving import scheduler as module
from upslope.ship.serving.scheduler import Overloaded, Scheduler, Ticket

GREEDY = GenerationSettings(temperature=0, max_tokens=12)


class Listener:
    """Who waits for a text."""

    def __init__(self, model, prompt, settings=GREEDY):
        self.came = queue.Queue()
        self.ticket = Ticket(model.begin_text(prompt, settings), self.came.put)

    def text(self):
        tokens = []
        while True:
            piece = self.came.get()
            if isinstance(piece, Exception):
                raise piece
            tokens.append(piece.token)
            if piece.finish:
                return tokens


@pytest.fixture
def started():
    found = []

    def start(*given, **how):
        found.append(Scheduler(*given, **how))
        found[-1].start()
        return found[-1]

    yield start
    for each in found:
        each.stop()


def alone(model, prompt, settings=GREEDY):
    return [piece.token for piece in model.stream(prompt, settings)]


@pytest.mark.parametrize("name", ["model", "letters"])
def test_together_each_writes_what_it_writes_alone(request, started, monkeypatch, name):
    """Different lengths, prompts in pieces, more texts than slots, contexts that are full and slide."""
    monkeypatch.setattr(module, "CHUNK", 5)
    model = request.getfixturevalue(name)
    most = model.context + 20 if name == "letters" else 12
    prompts = [model.tokenizer.encode("abc fa" * (1 + number)).tolist() for number in range(7)]
    settings = [
        GenerationSettings(
            temperature=number % 2, max_tokens=most - number, seed=number, repetition_penalty=1 + number / 9
        )
        for number in range(7)
    ]
    listeners = [Listener(model, *given) for given in zip(prompts, settings, strict=True)]
    line = started(model, slots=3, queue=10)
    line.submit([each.ticket for each in listeners])
    for listener, prompt, how in zip(listeners, prompts, settings, strict=True):
        assert listener.text() == alone(model, prompt, how)


def test_running_texts_share_their_passes(started, model):
    line, listeners = started(model, slots=4), [Listener(model, [5, 6, 7 + n]) for n in range(4)]
    line.submit([each.ticket for each in listeners])
    lengths = [len(each.text()) for each in listeners]
    assert lengths == [12] * 4
    assert line.passes <= 12 + 4


def gate(monkeypatch, model):
    """A model whose next steps wait to be let on."""
    go = threading.Semaphore(0)
    real = type(model).next_logits

    def slowly(self, tokens, cache):
        go.acquire()
        return real(self, tokens, cache)

    monkeypatch.setattr(type(model), "next_logits", slowly)
    return go


def test_what_finds_no_room_is_told_when_to_come_again(started, monkeypatch, model):
    go, line = gate(monkeypatch, model), started(model, slots=1, queue=2)
    listeners = [Listener(model, [5, 6, 7]) for _ in range(3)]
    line.submit([each.ticket for each in listeners])
    late = Listener(model, [5])
    with pytest.raises(Overloaded, match=r"try again in \d+ seconds") as caught:
        line.submit([late.ticket])
    assert 1 <= caught.value.seconds <= 60
    for _ in range(100):
        go.release()
    assert all(len(each.text()) == 12 for each in listeners)
    line.submit([late.ticket])
    assert len(late.text()) == 12


def test_who_leaves_frees_a_slot_and_a_place_in_the_line(started, monkeypatch, model):
    go, line = gate(monkeypatch, model), started(model, slots=1, queue=1)
    first, second, third = (Listener(model, [5, 6, 7 + n], replace(GREEDY, max_tokens=200)) for n in range(3))
    line.submit([first.ticket])
    go.release()
    first.came.get()  # it runs
    line.submit([second.ticket])
    with pytest.raises(Overloaded):
        line.submit([third.ticket])
    second.ticket.leave()
    line.submit([third.ticket])
    first.ticket.leave()
    for _ in range(1000):
        go.release()
    assert len(third.text()) == 200
    assert second.came.empty()
    assert first.came.qsize() < 5


def test_what_goes_wrong_for_one_is_told_to_that_one(started, model):
    """A pattern with no way on, while another text runs."""
    line = started(model, slots=2)
    good, bad = Listener(model, [5, 6, 7], replace(GREEDY, max_tokens=30)), Listener(model, [5, 6])
    bad.ticket.text.choose = lambda logits: 1 / 0
    line.submit([good.ticket, bad.ticket])
    with pytest.raises(ZeroDivisionError):
        bad.text()
    assert good.text() == alone(model, [5, 6, 7], replace(GREEDY, max_tokens=30))


def test_a_pass_that_fails_is_told_to_all_and_the_next_ones_are_answered(started, monkeypatch, model):
    real, calls = type(model).next_logits, []

    def failing(self, tokens, cache):
        calls.append(tokens.shape)
        if len(calls) == 5:
            raise MemoryError("no room")
        return real(self, tokens, cache)

    monkeypatch.setattr(type(model), "next_logits", failing)
    line, listeners = started(model, slots=2), [Listener(model, [5, 6, 7 + n]) for n in range(2)]
    line.submit([each.ticket for each in listeners])
    for each in listeners:
        with pytest.raises(MemoryError):
            each.text()
    after = Listener(model, [5, 6, 7])
    line.submit([after.ticket])
    assert after.text() == alone(model, [5, 6, 7])
