"""`upslope app`: the finished products."""

import typer

from upslope.cli.apps.detect import detect
from upslope.cli.apps.medical import medical
from upslope.cli.apps.paint import paint
from upslope.cli.apps.panorama import panorama
from upslope.cli.apps.poet import poet
from upslope.cli.terminal.group import Verbs

app = typer.Typer(cls=Verbs, rich_markup_mode=None, no_args_is_help=True, help="Use what was built: finished products.")
app.command("detect")(detect)
app.command("medical")(medical)
app.command("paint")(paint)
app.command("panorama")(panorama)
app.command("poet")(poet)
