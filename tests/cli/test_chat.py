"""`upslope chat`: from a pipe, at a terminal, and what it refuses."""

import json

import pytest

pytest.importorskip("torch", reason="language models are made of PyTorch")
pytest.importorskip("regex", reason="the tokenizer's patterns need it")

SHORT = ("--temperature", "0", "--max-tokens", "8")


@pytest.fixture(scope="session")
def small(write_gguf, tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "small.gguf"
    write_gguf(path)
    return str(path)


def test_a_text_from_a_pipe_is_answered_once(piped, small):
    said = piped("the weather\n", "chat", small, *SHORT)
    assert (said.code, said.err) == (0, "")
    found = piped("the weather\n", "chat", small, *SHORT, "--json").json
    assert "".join(said.out.split()).startswith("".join(found["reply"].split())[:5])
    assert (found["model"], found["finish"], found["completion_tokens"]) == ("small.gguf", "length", 8)
    assert [each["role"] for each in found["messages"]] == ["user", "assistant"]
    assert found["messages"][0]["content"] == "the weather"


def test_chance_begins_where_the_seed_says(piped, small):
    words = ("chat", small, "--temperature", "2", "--top-p", "1", "--max-tokens", "12", "--json")
    replies = [piped("the", *words, "--seed", seed).json["reply"] for seed in ("1", "1", "2")]
    assert replies[0] == replies[1] != replies[2]


def test_commands_at_the_beginning_of_a_pipe(piped, small, tmp_path):
    text = "/system Be brief.\n\nthe\n/not a command\n"
    found = piped(text, "chat", small, *SHORT, "--json").json
    assert found["messages"][0]["content"] == "the\n/not a command"
    more = piped("the\n/not a command", "chat", small, *SHORT, "--json", "--system", "Be brief.").json
    assert more["reply"] == found["reply"]
    assert piped("/quit\nthe", "chat", small).out == ""


def test_a_conversation_at_a_terminal(typed, small, tmp_path):
    path = tmp_path / "talk.json"
    said = typed(
        ["the", "", "/help", "/nope", f"/save {path}", "/reset", f"/load {path}", "/save", "/system", "and?"],
        "chat",
        small,
        *SHORT,
    )
    assert said.code == 0
    assert "small.gguf" in said.out
    assert "/system TEXT" in said.out
    assert "begins anew" in said.out
    assert "Loaded 2 messages" in said.out
    assert said.err.splitlines() == [
        "  there is no command /nope (/help lists them)",
        "  /save needs the name of a file: /save talk.json",
    ]
    assert len(json.loads(path.read_text())["messages"]) == 2


def test_turns_that_no_longer_fit_are_said(typed, small):
    said = typed(["a turn of some length"] * 6, "chat", small, *SHORT)
    assert "no longer fit into 128 tokens: left out." in said.out
    said = typed(["x" * 300, "the"], "chat", small, *SHORT)
    assert "shorten it" in said.err
    assert said.code == 0


def test_ctrl_c_ends_an_answer_and_not_the_conversation(typed, small, monkeypatch):
    from upslope.ship.language.language_model import LanguageModel

    real, calls = LanguageModel.step, []

    def step(self, *given):
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, *given)

    monkeypatch.setattr(LanguageModel, "step", step)
    assert typed(["the", "and?"], "chat", small, *SHORT).code == 0
    assert len(calls) == 3 + 8


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("", (), 'nothing came on standard input: echo "What is the capital of France?" | upslope chat'),
        (b"\xff\xfe\xff", (), "standard input is not UTF-8 text"),
        ("x", ("--temperature", "-1"), "--temperature is a number from 0 on, not -1.0"),
        ("x", ("--top-p", "2"), "--top-p is above 0 and at most 1, not 2.0"),
        ("x", ("--max-tokens", "0"), "--max-tokens is at least 1, not 0"),
        ("/nope", (), "there is no command /nope (/help lists them)"),
        ("/lod x", (), "there is no command /lod; did you mean /load? (/help lists them)"),
        ("x" * 300, (), "shorten it"),
    ],
)
def test_what_is_refused_is_one_sentence(piped, small, text, words, said):
    got = piped(text, "chat", small, *words)
    assert got.code == 2
    assert said in got.err
    assert len(got.err.splitlines()) == 1


def test_a_damaged_file_is_refused(piped, small, tmp_path):
    with open(small, "rb") as file:
        (tmp_path / "cut.gguf").write_bytes(file.read(9000))
    got = piped("x", "chat", str(tmp_path / "cut.gguf"))
    assert (got.code, len(got.err.splitlines())) == (3, 1)
    assert "not a complete GGUF file" in got.err
