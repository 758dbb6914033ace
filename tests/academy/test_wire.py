"""The wire: what the child did not write, in its order and with its secret, is no message."""

import os

import pytest

from upslope.academy.grading.protocol.signed_pipe import Forged, Reader, Writer


def wired(secret, *messages):
    reading, writing = os.pipe()
    writer = Writer(writing, secret)
    for message in messages:
        writer.send(message)
    os.close(writing)
    with open(reading, "rb") as pipe:
        return pipe.read()


def test_messages_come_whole_through_pieces():
    sent = [{"kind": "a", "n": n, "text": "é" * n} for n in range(5)]
    data, reader, got = wired(b"k" * 32, *sent), Reader(b"k" * 32), []
    for at in range(0, len(data), 7):
        got += reader.feed(data[at : at + 7])
    assert got == sent
    assert not reader.unfinished


def _changed(data):
    return data[:-3] + b"9" + data[-2:]


@pytest.mark.parametrize(
    "forge",
    [
        lambda one, two: two + one,  # out of order
        lambda one, two: one + one,  # twice
        lambda one, two: two,  # one left out
        lambda one, two: _changed(one),
        lambda one, two: b"\0\0\0\2" + bytes(32) + b"{}",
        lambda one, two: b"\xff" * 64,
        lambda one, two: b"passed\n" * 20,
    ],
)
def test_what_the_child_did_not_write_is_noticed(forge):
    secret = b"s" * 32
    both = wired(secret, {"kind": "a", "n": 1}, {"kind": "b", "n": 2})
    one = wired(secret, {"kind": "a", "n": 1})
    with pytest.raises(Forged):
        Reader(secret).feed(forge(one, both[len(one) :]))


def test_another_secret_opens_nothing():
    with pytest.raises(Forged):
        Reader(b"x" * 32).feed(wired(b"y" * 32, {"kind": "end"}))
