"""`upslope serve`: a language model behind OpenAI's API, on this computer only."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.terminal.completion import look_names
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.ship.language.language_model import LanguageModel

MOST_SLOTS = 256


def serve(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN|MODEL]",
            help="A run of gpt, a published model, or a GGUF file.  [default: smollm2-135m-instruct]",
            autocompletion=look_names,
        ),
    ] = None,
    port: Annotated[int, typer.Option("--port", help="The port, or the next one that is free.")] = 8650,
    slots: Annotated[int, typer.Option("--slots", metavar="N", help="Texts that are written at the same time.")] = 8,
    queue: Annotated[
        int, typer.Option("--queue", metavar="M", help="Requests that may wait; more are told to come again.")
    ] = 32,
    int8: Annotated[bool, typer.Option("--int8", help="Weights of eight bits: faster, a little less exact.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Serve a language model to programs that speak OpenAI's API.

    Completions, chats and embeddings, as streams or whole, with JSON schemas; on this computer only.
    """
    if not 1 <= port <= 65535:
        raise UsageError(f"a port is a number from 1 to 65535, not {port}")
    if not 1 <= slots <= MOST_SLOTS:
        raise UsageError(f"--slots is from 1 to {MOST_SLOTS}, not {slots}")
    if queue < 0:
        raise UsageError(f"--queue is at least 0, not {queue}")
    from upslope.ship.language.loading import DEFAULT
    from upslope.ship.serving.sentences import Sentences
    from upslope.ship.serving.server import Server

    screen = Screen()
    model, embedding = _models(name or DEFAULT, int8=int8, quiet=screen.quiet)
    server = Server(model, Sentences(embedding, queue=queue), port=port, slots=slots, queue=queue)
    serves = model.name if model is not None else embedding
    screen.give({"base_url": server.address, "port": server.port, "model": serves, "slots": slots, "queue": queue})
    if not screen.quiet:
        about = f"  {model.about}." if model is not None else "  sentences to vectors."
        screen.line((serves, "bold"), about)
        screen.line("It answers, as base_url of an OpenAI client, at")
        screen.line((server.address, "bold cyan"))
        screen.line(("Ctrl-C ends it", "dim"))
    sys.stdout.flush()
    try:
        server.run()
    except KeyboardInterrupt:  # how one ends it
        screen.gap()
    return Exit.DONE


def _models(word: str, *, int8: bool, quiet: bool) -> "tuple[LanguageModel | None, str]":
    """The language model of this name, and the embedding model beside it; or that one alone."""
    from typing import cast

    from upslope.cards import ModelCard
    from upslope.models.build import UnknownModel, find
    from upslope.ship.language import embeddings
    from upslope.ship.language.loading import load

    try:
        found, size = find(word)
    except UnknownModel:
        return load(word, int8=int8, quiet=quiet), embeddings.DEFAULT
    if any(weights.vocabulary for weights in cast(ModelCard, found.card).sizes[size].weights):
        embeddings.load(word, quiet=quiet)  # say now what is missing
        return None, word
    return load(word, int8=int8, quiet=quiet), embeddings.DEFAULT
