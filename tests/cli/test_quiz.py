"""`upslope quiz`: at a terminal, from a pipe, for programs, and what it refuses."""

import re

import pytest

WORDS = ("quiz", "convolution", "--seed", "7")


@pytest.fixture
def questions(upslope):
    """The questions of seed 7 as they come to somebody who answers rightly."""
    return upslope(*WORDS, "--json").json["questions"]


def told(said):
    """What was written, without line breaks."""
    return " ".join(said.out.split())


def test_without_a_subject_the_quizzes_are_listed(upslope):
    said = upslope("quiz")
    assert said.code == 0
    assert "receptive-field" in said.out
    (listed,) = upslope("quiz", "--json").json["quizzes"]
    assert listed["name"] == "convolution"
    assert list(listed["topics"]) == ["size", "pooling", "receptive-field", "parameters", "multiply-adds"]


def test_json_is_repeatable_and_harder_from_question_to_question(upslope):
    found = upslope(*WORDS, "--json").json
    assert found == upslope(*WORDS, "--json").json
    assert (found["subject"], found["seed"]) == ("convolution", 7)
    assert [each["level"] for each in found["questions"]] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [each["number"] for each in found["questions"]] == list(range(1, 11))
    for each in found["questions"]:
        assert isinstance(each["answer"], int)
        assert each["working"]
        assert each["answer"] not in [mistake["answer"] for mistake in each["mistakes"]]
    assert upslope("quiz", "convolution", "--seed", "8", "--json").json["questions"] != found["questions"]


def test_without_a_seed_it_is_another_quiz_each_time_and_says_which(upslope):
    found = upslope("quiz", "convolution", "--json").json
    assert found == upslope("quiz", "convolution", "--json", "--seed", str(found["seed"])).json
    assert len({upslope("quiz", "convolution", "--json", "--count", "1").json["seed"] for _ in range(8)}) > 1


@pytest.mark.parametrize("topic", ["size", "pooling", "receptive-field", "parameters", "multiply-adds"])
def test_one_topic_alone(upslope, topic):
    found = upslope(*WORDS, "--json", "--topic", topic, "--count", "3").json["questions"]
    assert [each["topic"] for each in found] == [topic] * 3


def test_right_answers_at_a_terminal(typed, questions):
    said = typed([str(each["answer"]) for each in questions], *WORDS)
    assert (said.code, said.err) == (0, "")
    for each in questions:
        assert each["question"] in told(said)
        assert " ".join(each["working"][-1].split()) in told(said)
    assert "10 of 10 right, up to level 5." in said.out
    assert "upslope next" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_a_wrong_answer_is_told_its_mistake(typed, questions):
    """The first question's mistakes that can be told apart, each in a quiz of its own."""
    values = [each["answer"] for each in questions[0]["mistakes"]]
    alone = [each for each in questions[0]["mistakes"] if values.count(each["answer"]) == 1]
    assert alone
    for each in alone:
        said = typed([str(each["answer"])], *WORDS)
        assert said.code == 1
        assert f"is what comes out if {each['if']}." in told(said)
        assert f"the answer is {questions[0]['answer']:,}." in told(said)
        assert f"upslope learn {questions[0]['lesson']}" in said.out
        assert "0 of 1 right" in said.out


def test_an_answer_that_no_mistake_gives_is_only_wrong(typed):
    said = typed(["987654321"], *WORDS)
    assert "987,654,321 is not right; the answer is" in told(said)
    assert "what comes out" not in said.out


def test_a_question_mark_shows_the_working_and_counts_as_not_answered(typed, questions):
    said = typed(["?"], *WORDS)
    assert " ".join(questions[0]["working"][0].split()) in told(said)
    assert "is right" not in said.out
    assert "0 of 1 right" in said.out
    assert said.code == 1


@pytest.mark.parametrize("end", ["q", "Q", EOFError, KeyboardInterrupt])
def test_it_ends_politely_with_the_score(typed, questions, end):
    said = typed([str(questions[0]["answer"]), end], *WORDS)
    assert (said.code, said.err) == (0, "")
    assert "1 of 1 right, up to level 1. 9 questions of 10 left." in said.out
    said = typed([end], *WORDS)
    assert (said.code, said.err) == (0, "")
    assert "No question was answered." in said.out


def test_what_is_no_number_is_said_and_asked_for_again(typed, questions):
    said = typed(["", "55x55", "1,5", str(questions[0]["answer"])], *WORDS, "--count", "1")
    assert said.code == 0
    assert said.err.splitlines() == [
        "  nothing was typed; type a number, ? for the working or q to stop",
        '  "55x55" is not a number; type one such as 1728, ? for the working or q to stop',
        "  1,5 can be read in two ways; write 1.5, or 1,728 for thousands",
    ]
    assert "1 of 1 right" in said.out


def test_from_a_pipe_a_line_answers_a_question(piped, questions):
    answers = [str(each["answer"]) for each in questions]
    said = piped("\n".join(answers), *WORDS)
    assert said.code == 0
    assert said.out.splitlines() == [f"{each['number']}. {each['question']}" for each in questions]
    assert "10 of 10 right, up to level 5." in said.err
    wrong = piped("987654321\nten\n?\n", *WORDS, "--count", "3")
    assert wrong.code == 1
    assert len(wrong.out.splitlines()) == 3
    assert "1. 987,654,321 is not right" in wrong.err
    assert '2. "ten" is not a number' in wrong.err
    assert "0 of 3 right" in wrong.err
    assert re.search(r"upslope learn \S+   0 of", wrong.err)


@pytest.mark.parametrize("text", ["", "q\n"])
def test_a_pipe_that_ends_ends_the_quiz(piped, text):
    said = piped(text, *WORDS)
    assert said.code == 0
    assert len(said.out.splitlines()) == 1
    assert "No question was answered." in said.err


def test_a_mistake_is_named_from_a_pipe_too(piped, questions):
    values = [each["answer"] for each in questions[0]["mistakes"]]
    alone = next(each for each in questions[0]["mistakes"] if values.count(each["answer"]) == 1)
    assert f"is what comes out if {alone['if']}." in piped(f"{alone['answer']}\n", *WORDS).err


def test_bytes_that_are_no_text_are_refused(piped):
    said = piped(b"\xff\xfe\n", *WORDS)
    assert said.code == 2
    assert said.err == "  the answers on standard input are not text in UTF-8\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("quiz", "convolutions"), 'no quiz "convolutions"; did you mean convolution? (upslope quiz lists them)'),
        (("quiz", "convolution", "--topic", "sise"), 'no topic "sise"; did you mean size? (topics: size, pooling,'),
        (("quiz", "convolution", "--count", "0"), "--count must be at least 1, not 0"),
        (("quiz", "convolution", "--count", "many"), "--count"),
        (("quiz", "convolution", "--seed", "-1"), "--seed must be at least 0, not -1"),
        (("quiz", "\x1b[31m"), 'no quiz "?[31m"'),
    ],
)
def test_wrong_usage_is_one_sentence(upslope, words, sentence):
    said = upslope(*words)
    assert said.code == 2
    assert said.out == ""
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1


def test_it_runs_as_a_program_without_a_workspace(program, home):
    said = program(*WORDS, "--count", "1", UPSLOPE_HOME=str(home))
    assert said.code == 0, said.err
    assert said.out.startswith("1. ")
    assert not home.exists()
