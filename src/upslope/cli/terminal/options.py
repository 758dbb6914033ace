"""What every verb understands, --json and --debug, wherever on the line it stands."""

from typing import Annotated

import typer


class OutputOptions:
    """How this invocation is to speak. One process is one invocation; `main` starts from a fresh one."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what an earlier invocation in this process asked for."""
        self.json = False
        self.debug = False


asked = OutputOptions()


def _json(value: bool) -> bool:
    asked.json = asked.json or value
    return value


def _debug(value: bool) -> bool:
    asked.debug = asked.debug or value
    return value


AsJson = Annotated[
    bool,
    typer.Option("--json", callback=_json, is_eager=True, help="One JSON object on stdout, for programs."),
]
Debug = Annotated[
    bool,
    typer.Option("--debug", callback=_debug, is_eager=True, help="Show the traceback of an error."),
]
