"""`upslope quiz`: questions made at random, answered by hand; a known mistake is named from the number it gives.

At a terminal one question follows the other. From a pipe stdout carries one question a line, each line of stdin answers
one, and what is said of the answers goes to stderr.
"""

import sys
from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import typer

from upslope.cli.terminal.completion import quiz_names, quiz_topics
from upslope.cli.terminal.console import Screen, clean
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import plural
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.quiz.question import Topic
    from upslope.quiz.session import Answered, Quiz

_SEEDS = 100_000


def quiz(
    subject: Annotated[
        str | None,
        typer.Argument(help="What about. Without it, the list of quizzes.", autocompletion=quiz_names),
    ] = None,
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, max=1000, help="How many questions.")] = 10,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", min=0, help="Where chance begins.  [default: new each time]")
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option("--topic", metavar="NAME", help="Questions of one topic only.", autocompletion=quiz_topics),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Answer generated questions by hand; a wrong answer's mistake is named."""
    from random import SystemRandom

    from upslope.quiz.session import Quiz

    screen = Screen()
    if subject is None:
        return _list(screen)
    chosen = _topics(subject, topic)
    asks = Quiz(chosen, seed=SystemRandom().randrange(_SEEDS) if seed is None else seed)
    if screen.quiet:
        screen.give({"subject": subject, "seed": asks.seed, "questions": _printed(asks, count)})
        return Exit.DONE
    if sys.stdin is not None and sys.stdin.isatty():
        _at_a_terminal(screen, asks, subject, count)
    else:
        _from_a_pipe(screen, asks, count)
    return Exit.DONE if asks.right == len(asks.answered) else Exit.NOT


def _list(screen: Screen) -> int:
    """The quizzes and their topics."""
    from upslope.quiz.subjects import about, subjects, topics

    found = {name: topics(name) for name in subjects()}
    screen.give(
        {
            "quizzes": [
                {"name": name, "about": about(name), "topics": {each.name: each.title for each in some.values()}}
                for name, some in found.items()
            ]
        }
    )
    for name, some in found.items():
        screen.line((name, "bold"), f"     {about(name)}")
        screen.pairs([(each.name, each.title) for each in some.values()], indent=4)
        screen.gap()
        screen.command(f"upslope quiz {name}", "or with --topic NAME")
    return Exit.DONE


def _topics(subject: str, topic: str | None) -> "list[Topic]":
    from upslope.quiz.subjects import subjects, topics
    from upslope.spelling import did_you_mean

    if subject not in subjects():
        near = did_you_mean(subject, subjects())
        raise UsageError(f'there is no quiz "{clean(subject)}"{near} (upslope quiz lists them)')
    found = topics(subject)
    if topic is not None and topic not in found:
        near = did_you_mean(topic, found)
        raise UsageError(f'quiz {subject} has no topic "{clean(topic)}"{near} (topics: {", ".join(found)})')
    return list(found.values()) if topic is None else [found[topic]]


def _printed(asks: "Quiz", count: int) -> list[dict[str, Any]]:
    """The questions with answers and working, as they come to somebody who answers all of them rightly."""
    found: list[dict[str, Any]] = []
    for _ in range(count):
        question, number = asks.question, asks.number
        said = asks.answer(Fraction(question.answer))
        found.append(
            {
                "number": number,
                "topic": said.topic.name,
                "level": said.level,
                "question": question.text,
                "answer": question.answer,
                "working": list(question.working),
                "mistakes": [{"if": each.clause, "answer": _plain(each.value)} for each in question.mistakes],
                "lesson": question.lesson,
                "settings": question.settings,
            }
        )
    return found


def _at_a_terminal(screen: Screen, asks: "Quiz", subject: str, count: int) -> None:
    """Ask, judge, show the working; until all are asked, q, Ctrl-D or Ctrl-C."""
    from contextlib import suppress

    with suppress(ImportError):
        import readline  # noqa: F401 - gives `input` its editing and its history
    screen.ends([(f"Quiz: {subject}", "bold")], f"{plural(count, 'question')}, seed {asks.seed}")
    screen.prose("Type a number, ? for the working or q to stop. Paper and a calculator are allowed.", style="dim")
    while len(asks.answered) < count:
        screen.gap()
        screen.ends([(asks.topic.title, "bold")], f"{asks.number} of {count}, level {asks.level}")
        screen.prose(asks.question.text)
        try:
            given = _typed()
        except (EOFError, KeyboardInterrupt):
            print()
            break
        if given == "q":
            break
        said = asks.answer(None if isinstance(given, str) else given)
        if said.given is not None:
            screen.line(screen.mark(said.right), f" {_verdict(said)}")
        if mistake := _mistake(said):
            screen.prose(mistake, style="yellow")
        for line in said.question.working:
            screen.block(line, style="dim" if said.right else "")
    screen.gap()
    for left, style in _score(asks, count):
        screen.prose(left, style=style)
    if len({each.topic.name for each in asks.answered}) > 1:
        screen.pairs(_by_topic(asks.answered))
    if rows := _advice(asks):
        screen.gap()
        screen.commands(rows)


def _typed() -> "Fraction | str":
    """A number, or "?" or "q"; what is neither is said in a sentence, and asked for again."""
    from upslope.quiz.typed_number import NotANumber, read_number

    while True:
        word = input("  > ").strip()
        if word.lower() in ("?", "q"):
            return word.lower()
        try:
            return read_number(word)
        except NotANumber as problem:
            typer.echo(f"  {clean(str(problem))}", err=True)


def _from_a_pipe(screen: Screen, asks: "Quiz", count: int) -> None:
    """A question, its answer, and what is to be said of it; a line without a number leaves its question unanswered."""
    from upslope.quiz.typed_number import NotANumber, read_number

    lines = iter(sys.stdin or ())
    while len(asks.answered) < count:
        screen.line(f"{asks.number}. {asks.question.text}", indent=0)
        try:
            word = next(lines, "q").strip()
        except KeyboardInterrupt:
            break
        except UnicodeDecodeError:
            raise UsageError("the answers on standard input are not text in UTF-8") from None
        if word.lower() == "q":
            break
        try:
            said = asks.answer(None if word == "?" else read_number(word))
        except NotANumber as problem:
            _aside(f"{asks.number}. {problem}")
            asks.answer(None)
            continue
        number = len(asks.answered)
        if said.given is None:
            for line in said.question.working:
                _aside(f"{number}. {line}")
        else:
            _aside(" ".join(filter(None, (f"{number}. {_verdict(said)}", _mistake(said)))))
    for line, _ in _score(asks, count):
        _aside(line)
    for command, note in _advice(asks):
        _aside(f"{command}   {note}")


def _aside(line: str) -> None:
    typer.echo(f"  {clean(line)}", err=True)


def _verdict(said: "Answered") -> str:
    from upslope.quiz.typed_number import shown

    assert said.given is not None
    answer = shown(said.question.answer)
    return f"{answer} is right." if said.right else f"{shown(said.given)} is not right; the answer is {answer}."


def _mistake(said: "Answered") -> str:
    """The known mistake that gives this answer, if exactly one does."""
    from upslope.quiz.typed_number import shown

    found = said.question.mistake(said.given) if said.given is not None else None
    return f"{shown(found.value)} is what comes out if {found.clause}." if found else ""


def _score(asks: "Quiz", count: int) -> list[tuple[str, str]]:
    """Sentences and their styles."""
    done = len(asks.answered)
    if not done:
        return [("No question was answered.", "bold")]
    early = "" if done == count else f" {plural(count - done, 'question')} of {count} left."
    return [(f"{asks.right} of {done} right, up to level {max(each.level for each in asks.answered)}.{early}", "bold")]


def _by_topic(answered: "Iterable[Answered]") -> list[tuple[str, str]]:
    rows: dict[str, list[bool]] = {}
    for each in answered:
        rows.setdefault(each.topic.title, []).append(each.right)
    return [(title, f"{sum(some)} of {len(some)}") for title, some in rows.items()]


def _advice(asks: "Quiz") -> list[tuple[str, str]]:
    """Commands to type next, and why."""
    rows = [(f"upslope learn {row.lesson}", f"{row.right} of {row.asked} right") for row in asks.advice()]
    return rows or ([("upslope next", "all of them were right")] if asks.answered else [])


def _plain(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
