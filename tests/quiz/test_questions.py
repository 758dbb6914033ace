"""What holds for every topic of every subject: repeatable, worked out line by line, known mistakes named."""

import re
import subprocess
import sys
from fractions import Fraction
from random import Random

import pytest

from upslope.academy.lessons import steps
from upslope.quiz.question import LEVELS, Mistake, Question, Topic
from upslope.quiz.session import Quiz
from upslope.quiz.subjects import about, subjects, topics
from upslope.quiz.typed_number import NotANumber, read_number, shown

TOPICS = [pytest.param(topic, id=f"{name}-{topic.name}") for name in subjects() for topic in topics(name).values()]
ALL = pytest.mark.parametrize("topic", TOPICS)

# What each topic knows, and names when it sees it.
KNOWN = {
    "size": {
        "the quotient is not rounded",
        "the quotient is rounded up, not down",
        "the first position is not counted",
        "the padding is put on one side only",
        "the padding is left out",
        "the stride is left out",
        "the dilation is left out",
        "the window is taken to span dilation · kernel places",
        "the groups divide the places, not only the channels",
        "the other side is worked out",
        "the convolution is taken for an ordinary one, which shrinks",
        "the first position is counted as a step: n·t, not (n − 1)·t",
        "the padding is added, not cut off",
        "the padding is cut off on one side only",
        "the output padding is left out",
        "the output padding is put on both sides",
    },
    "pooling": {
        "the quotient is not rounded",
        "the quotient is rounded up, not down",
        "the quotient is rounded down in spite of ceil mode",
        "the last window is counted though it begins beyond the map",
        "the first position is not counted",
        "the padding is put on one side only",
        "the padding is left out",
        "the stride is left out",
        "the default stride is taken to be 1, not the window's size",
        "the dilation is left out",
        "the window is taken to span dilation · kernel places",
        "the channels are left out",
        "one side is counted, not the square",
        "the input's channels are counted, not the output's",
        "the pooling is left out",
        "the channels are pooled, too",
        "the convolution is taken to keep the size, without padding",
    },
    "receptive-field": {
        "the strides are ignored",
        "the dilations are ignored",
        "a dilated kernel is taken to span dilation · kernel pixels",
        "each layer's own stride widens its own window",
        "the layers are walked through from the last to the first",
        "each layer adds its whole kernel, not k − 1",
        "the kernels are added up",
        "the poolings are left out",
        "the poolings' strides are ignored",
        "the first pixel is not counted",
        "the pixels of the whole square are counted, not those of one side",
        "the distance between neighbours is worked out, not the field",
        "the strides are added up, not multiplied",
        "the last layer's stride is left out",
        "the dilations are multiplied in",
        "the field is worked out, not the distance between neighbours",
    },
    "parameters": {
        "the biases are left out",
        "a bias is counted where there is none",
        "there is one bias for each input channel",
        "the groups are ignored",
        "the groups divide the output channels, too",
        "each filter sees one input channel only",
        "the kernel is counted along one side only",
        "one output's weights are counted, not those of all",
        "the norms are left out",
        "a norm has one parameter a channel",
        "a norm has one scale and one shift for all channels",
        "the batch norm's running mean and variance are counted",
    },
    "multiply-adds": {
        "multiplications and additions are counted apart",
        "each weight is counted once, not at every place",
        "the places of the output are counted, not of the input",
        "the places of the input are counted, not of the output",
        "the groups are ignored",
        "the groups divide the output channels, too",
        "the input channels are left out",
        "the output channels are left out",
        "the kernel is counted along one side only",
        "the padding is left out",
        "the biases are counted, too",
        "only the first layer is counted",
        "only the last layer is counted",
    },
}


def questions(topic, count=300, levels=range(1, LEVELS + 1)):
    return [topic.draw(Random(f"{n} {level}"), level) for level in levels for n in range(count // len(levels))]


@ALL
def test_every_mistake_is_named_by_an_answer_made_with_it(topic):
    """For each question all answers that one mistake alone gives; over all questions, each mistake."""
    named = set()
    for question in questions(topic):
        for each in question.mistakes:
            same = [other for other in question.mistakes if other.value == each.value]
            found = question.mistake(each.value)
            assert found == (each if len(same) == 1 else None)
            named |= {found.clause} if found else set()
        assert question.mistake(Fraction(question.answer)) is None
        assert question.mistake(Fraction(-7)) is None
    assert named == KNOWN[topic.name]


@ALL
def test_a_question_tells_several_mistakes_apart(topic):
    for question in questions(topic, 50):
        assert question.told_apart >= 2, question.text


@ALL
def test_the_working_ends_with_the_answer(topic):
    for question in questions(topic):
        assert question.answer > 0
        whole = rf"(?<![\d,.]){shown(question.answer)}(?![\d,]|\.\d)"
        assert re.search(whole, question.working[-1]), question.working
        assert all(len(line) <= 90 for line in question.working)
        assert "\n" not in question.text
        assert question.text.endswith("?")


@ALL
def test_questions_send_to_lessons_that_exist(topic):
    names = {step.name for step in steps()}
    assert {question.lesson for question in questions(topic, 100)} <= names


@ALL
def test_a_question_is_a_function_of_chance_and_level(topic):
    for level in range(1, LEVELS + 1):
        assert topic.draw(Random("a"), level) == topic.draw(Random("a"), level)
    assert len({question.text for question in questions(topic, 50)}) > 25


def test_an_answer_that_two_mistakes_give_is_not_named():
    same = (Mistake("one is done", Fraction(3)), Mistake("the other is done", Fraction(3)))
    question = Question("How many?", 4, ("4",), same, "relu", {})
    assert question.mistake(Fraction(3)) is None
    assert question.told_apart == 0


def test_nothing_heavy_is_imported():
    code = (
        "import sys; from upslope.quiz.subjects import subjects, topics; [topics(name) for name in subjects()]; "
        "print([name for name in ('torch', 'numpy', 'pydantic', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_subjects_say_what_they_are_about():
    assert subjects() == ["convolution"]
    assert list(topics("convolution")) == ["size", "pooling", "receptive-field", "parameters", "multiply-adds"]
    assert about("convolution").startswith("The arithmetic of convolutional networks")


def counting(name, place=1):
    """A topic that asks for its level."""
    return Topic(
        name,
        name,
        place,
        lambda rng, level: Question(f"{name} {level}?", level, (f"= {level}",), (), f"learn-{name}", {}),
    )


def test_the_level_rises_with_right_answers_and_falls_with_wrong_ones():
    quiz = Quiz([counting("a")], seed=0)
    seen = []
    for _ in range(12):
        seen.append(quiz.level)
        assert quiz.question.answer == quiz.level
        quiz.answer(Fraction(quiz.level))
    assert seen == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5, 5]
    for _ in range(12):
        quiz.answer(None)
    assert quiz.level == 1
    assert quiz.right == 12


def test_each_round_has_each_topic_once():
    quiz = Quiz([counting(name) for name in "abc"], seed=5)
    asked = [quiz.answer(Fraction(0)).topic.name for _ in range(30)]
    rounds = [asked[place : place + 3] for place in range(0, 30, 3)]
    assert all(sorted(each) == list("abc") for each in rounds)
    assert len(set(map(tuple, rounds))) > 2


def test_advice_begins_with_the_worst():
    quiz = Quiz([counting(name) for name in "abc"], seed=0)
    for number in range(9):
        wrong = quiz.topic.name == "b" or (quiz.topic.name == "c" and number < 3)
        quiz.answer(None if wrong else Fraction(quiz.question.answer))
    assert [(each.lesson, each.right, each.asked) for each in quiz.advice()] == [("learn-b", 0, 3), ("learn-c", 2, 3)]


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("55", 55),
        (" 55.25 ", Fraction(221, 4)),
        ("1,728", 1728),
        ("1 728", 1728),
        ("1_728_000", 1728000),
        ("1'728", 1728),
        ("+3", 3),
        ("−3", -3),
        ("007", 7),
        ("1,234.5", Fraction(2469, 2)),
    ],
)
def test_numbers_as_people_type_them(typed, value):
    assert read_number(typed) == value


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "nothing was typed"),
        ("55x55", '"55x55" is not a number'),
        ("1,5", "write 1.5"),
        ("1,72,800", "is not a number"),
        ("1e6", "is not a number"),
        ("٣", "is not a number"),
        ("nan", "is not a number"),
        ("1/2", "is not a number"),
        ("9" * 5000, "too long"),
        ("\x1b[31m", "is not a number"),
    ],
)
def test_what_is_no_number_gets_one_sentence(typed, said):
    with pytest.raises(NotANumber, match=said) as caught:
        read_number(typed)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize(("value", "text"), [(1728, "1,728"), (Fraction(221, 4), "55.25"), (Fraction(40, 3), "13.333")])
def test_numbers_as_they_are_shown(value, text):
    assert shown(value) == text
