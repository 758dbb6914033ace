"""The command line: `upslope VERB ...`. Verbs live beside this file; heavy imports only inside them."""

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from upslope.cli.apps.app import app as products
from upslope.cli.authoring.author import author
from upslope.cli.guide.next import next_
from upslope.cli.guide.report import report
from upslope.cli.guide.roadmap import roadmap
from upslope.cli.guide.tier import tier
from upslope.cli.learning.check import check
from upslope.cli.learning.dashboard import dashboard
from upslope.cli.learning.hint import hint, solution
from upslope.cli.learning.init import init
from upslope.cli.learning.learn import learn
from upslope.cli.learning.open_home import open_home
from upslope.cli.learning.quiz import quiz
from upslope.cli.learning.watch import watch
from upslope.cli.library.chat import chat
from upslope.cli.library.clean import clean
from upslope.cli.library.data import data
from upslope.cli.library.embed import embed
from upslope.cli.library.export import export
from upslope.cli.library.look import look
from upslope.cli.library.model import model
from upslope.cli.library.predict import predict
from upslope.cli.library.results import results
from upslope.cli.library.serve import serve
from upslope.cli.library.tokenize import tokenize
from upslope.cli.machine.doctor import doctor
from upslope.cli.terminal import plain
from upslope.cli.terminal.errors import explain
from upslope.cli.terminal.exits import HELP, Exit
from upslope.cli.terminal.group import Verbs
from upslope.cli.terminal.options import AsJson, Debug, asked
from upslope.cli.tour.tour import tour
from upslope.cli.training.lab import lab
from upslope.cli.training.runs import runs

app = typer.Typer(
    cls=Verbs,
    rich_markup_mode=None,  # plain help: it needs a third of the time, and is right on any terminal
    pretty_exceptions_enable=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog=HELP,
)


def _version(value: bool) -> None:
    if value:
        from upslope.cli.machine.facts import version_of

        print(f"upslope {version_of('upslope') or '(not installed as a package)'}")
        raise typer.Exit


@app.callback()
def start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int | None:
    """Learn deep learning by building it.

    Without a verb: where you stand and what to type next.
    """
    return dashboard() if context.invoked_subcommand is None else None


LEARN, GUIDE, TRAIN, MORE = "Learn", "The guide", "Train", "More"
app.command("tour", rich_help_panel=LEARN)(tour)
app.command("init", rich_help_panel=LEARN)(init)
app.command("learn", rich_help_panel=LEARN)(learn)
app.command("check", rich_help_panel=LEARN)(check)
app.command("watch", rich_help_panel=LEARN)(watch)
app.command("open", rich_help_panel=LEARN)(open_home)
app.command("hint", rich_help_panel=LEARN)(hint)
app.command("solution", rich_help_panel=LEARN)(solution)
app.command("quiz", rich_help_panel=LEARN)(quiz)
app.command("roadmap", rich_help_panel=GUIDE)(roadmap)
app.command("next", rich_help_panel=GUIDE)(next_)
app.command("tier", rich_help_panel=GUIDE)(tier)
app.command("report", rich_help_panel=GUIDE)(report)
app.command("lab", rich_help_panel=TRAIN, add_help_option=False)(lab)
app.add_typer(runs, name="runs", rich_help_panel=TRAIN)
app.command("results", rich_help_panel=TRAIN)(results)
app.command("predict", rich_help_panel=TRAIN)(predict)
app.command("chat", rich_help_panel=TRAIN)(chat)
app.command("serve", rich_help_panel=TRAIN)(serve)
app.command("embed", rich_help_panel=TRAIN)(embed)
app.command("look", rich_help_panel=TRAIN)(look)
app.command("export", rich_help_panel=TRAIN)(export)
app.command("tokenize", rich_help_panel=TRAIN)(tokenize)
app.command("clean", rich_help_panel=TRAIN)(clean)
app.add_typer(products, name="app", rich_help_panel=TRAIN)
app.add_typer(model, name="model", rich_help_panel=TRAIN)
app.add_typer(data, name="data", rich_help_panel=TRAIN)
app.command("doctor", rich_help_panel=MORE)(doctor)
app.add_typer(author, name="author", rich_help_panel=MORE)


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code. Every error ends here, as a sentence."""
    asked.reset()
    _prepare_streams()
    try:
        code = app(args=None if words is None else list(words), prog_name="upslope", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as error:
        code = Exit.INTERRUPTED if isinstance(error, KeyboardInterrupt | typer.Abort) else explain(error)
    if code == Exit.INTERRUPTED:  # which newer versions of typer return, and older ones raise
        code = explain(KeyboardInterrupt())
    if code == Exit.UNREAD:
        _forget_stdout()
    return int(code or Exit.DONE)


def _prepare_streams() -> None:
    """A stream that cannot carry a character shows it in plain letters; one that was closed leads nowhere."""
    # A file that is opened later must not get the number of a stream that was closed: what is printed would land in it.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            plain.register()
            reconfigure(errors=plain.NAME)


def _forget_stdout() -> None:
    """Nobody reads: keep the interpreter from trying to flush at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
