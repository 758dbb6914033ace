"""`upslope app poet`: a couplet, a sonnet or a haiku by a network that learned verse."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from upslope.cli.terminal.completion import run_names
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.apps.poet import Poet

LAB = "verse"


def poet(
    form: Annotated[
        Literal["couplet", "sonnet", "haiku"], typer.Option("--form", help="Two lines, fourteen, or 5-7-5 syllables.")
    ] = "couplet",
    about: Annotated[str, typer.Option("--about", metavar="WORD", help="A word that the first line holds.")] = "",
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Where chance begins.")] = 0,
    run: Annotated[
        str,
        typer.Option(
            "--run",
            metavar="RUN",
            help="A run of lab verse; without it the newest.",
            autocompletion=run_names,
        ),
    ] = LAB,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Write verse: the network's own words, in metre and rhyme."""
    screen = Screen()
    if about and not about.isalpha():
        raise UsageError(f"--about takes one word of letters, not {about!r}: upslope app poet --about love")
    writer, name = _poet(run)
    lines = writer.poem(form, about=about, seed=seed)
    for line in lines:
        screen.line(line)
    screen.gap()
    screen.line((f"{name}, seed {seed}", "dim"))
    screen.give({"form": form, "about": about or None, "seed": seed, "run": name, "lines": lines})
    return Exit.DONE


def _poet(run: str) -> "tuple[Poet, str]":
    from functools import partial

    import numpy as np

    from upslope.apps.poet import Poet
    from upslope.blocks.language.characters import Characters
    from upslope.blocks.language.text_batch import NetworkTexts
    from upslope.data import cmudict, shakespeare
    from upslope.runs.errors import RunProblem
    from upslope.ship.pipelines.text_generation import TextGeneration
    from upslope.ship.predictor import load

    pipeline = load(run)
    learned_from = pipeline.network.spec.data
    toy = learned_from == "toy"
    if not isinstance(pipeline, TextGeneration) or learned_from not in ("shakespeare", "toy"):
        raise RunProblem(f"{pipeline.network.name} did not learn verse: upslope lab {LAB} trains a network that does")
    if not isinstance(pipeline.tokenizer, Characters):
        raise RunProblem(f"{pipeline.network.name} writes pieces of words, and the poet takes characters")
    rng = np.random.default_rng(0)
    lines = shakespeare.toy(rng=rng) if toy else shakespeare.load("train")
    sounds = cmudict.toy(rng=rng) if toy else cmudict.load()
    write = partial(NetworkTexts, pipeline.network.module)
    meter = cmudict.meter(sounds)
    return (
        Poet(write, pipeline.tokenizer, context=pipeline.context, lines=lines["text"], meter=meter),
        pipeline.network.name,
    )
