"""A conversation: what the model reads of it, and its file."""

import json

import pytest

pytest.importorskip("torch", reason="language models are made of PyTorch")

from upslope.runs.errors import RunProblem
from upslope.ship.language.conversation import Conversation
from upslope.ship.language.settings import GenerationSettings

SHORT = GenerationSettings(temperature=0, max_tokens=6)


@pytest.fixture
def talk(model):
    return Conversation(model)


def said(talk, text, settings=SHORT):
    return "".join(piece.text for piece in talk.say(text, settings))


def test_messages_gather_and_are_read_as_one_text(talk):
    first, second = said(talk, "the"), said(talk, "and?")
    contents = [each["content"] for each in talk.messages]
    assert contents == ["the", first, "and?", second]
    assert [each["role"] for each in talk.messages] == ["user", "assistant"] * 2
    assert talk.prompt_tokens == len(talk.model.tokens_of(talk.messages[:3]))
    assert second == talk.model.answer(talk.model.tokens_of(talk.messages[:3]), SHORT)
    talk.reset()
    assert said(talk, "the") == first


def test_the_oldest_turns_are_left_out_when_the_context_is_full(talk):
    talk.system = "Hi."
    for number in range(8):
        said(talk, f"turn {number}")
        assert talk.prompt_tokens + SHORT.max_tokens <= talk.model.context
    assert talk.dropped > 0
    newest = talk.messages[2 * talk.dropped : -1]
    whole = [{"role": "system", "content": "Hi."}, *newest]
    assert talk.prompt_tokens == len(talk.model.tokens_of(whole))
    assert len(talk.messages) == 16  # nothing is forgotten, only not read


def test_a_message_longer_than_the_context_is_refused_and_not_kept(talk):
    said(talk, "the")
    with pytest.raises(RunProblem, match=r"this message has 3\d\d tokens .* reads 122 beside its answer"):
        talk.say("x" * 300, SHORT)
    assert len(talk.messages) == 2


def test_an_answer_that_is_interrupted_is_kept_as_far_as_it_was_shown(talk):
    pieces = talk.say("the", SHORT)
    shown = next(pieces).text + next(pieces).text
    pieces.close()
    assert talk.messages[-1] == {"role": "assistant", "content": shown}
    assert said(talk, "and?")


def test_a_conversation_goes_on_from_its_file(talk, model, tmp_path):
    talk.system = "Ünder way"
    said(talk, "the")
    talk.save(tmp_path / "talk.json")
    expected = said(talk, "and?")
    other = Conversation(model)
    other.load(tmp_path / "talk.json")
    assert (other.system, len(other.messages)) == ("Ünder way", 2)
    assert said(other, "and?") == expected


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({"version": 1, "system": "", "messages": [{"role": "robot", "content": "x"}]}).encode(),
        json.dumps({"version": 1, "system": "", "messages": [{"role": "user"}]}).encode(),
        json.dumps({"version": 1, "system": 3, "messages": []}).encode(),
        json.dumps({"version": 2, "system": "", "messages": []}).encode(),
    ],
)
def test_a_file_that_is_no_conversation_changes_nothing(talk, tmp_path, content):
    said(talk, "the")
    (tmp_path / "talk.json").write_bytes(content)
    with pytest.raises(RunProblem, match=r"talk\.json (is not a conversation|holds messages)"):
        talk.load(tmp_path / "talk.json")
    assert len(talk.messages) == 2
    with pytest.raises(RunProblem, match="cannot be read: no such file"):
        talk.load(tmp_path / "absent.json")
