"""`upslope open`: the guide, the steps and the runs in a browser, live, on this computer only."""

import sys
from typing import Annotated

import typer

from upslope.cli.learning.migrated import bring_over
from upslope.cli.terminal.console import Screen
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug


def open_home(
    port: Annotated[int, typer.Option("--port", help="The port, or the next one that is free.")] = 8642,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in your browser.")] = True,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Open the guide in your browser: what you save is checked, what you prove is ticked, as it happens."""
    if not 1 <= port <= 65535:
        raise UsageError(f"a port is a number from 1 to 65535, not {port}")
    bring_over()
    from upslope.academy.learner_files import make_files
    from upslope.home.server import Home
    from upslope.runs.workspace import home as workspace
    from upslope.runs.workspace import short

    screen = Screen()
    made = list(make_files(workspace()).values()).count("made")
    home = Home(port)
    screen.give({"address": home.address, "port": home.port, "home": str(workspace())})
    if not screen.quiet:
        if made:
            screen.line(f"Your files are in {short(workspace())}.")
        screen.line("The guide is open at")
        screen.line((home.address, "bold cyan"))
        screen.line(("Ctrl-C ends it", "dim"))
    sys.stdout.flush()
    if browser:
        import webbrowser

        webbrowser.open(home.address)
    try:
        home.run()
    except KeyboardInterrupt:  # how one ends it
        screen.gap()
    return Exit.DONE
