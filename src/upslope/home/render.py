"""Templates to pages. Everything is escaped but what is marked as HTML of ours."""

from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from upslope.runs.result import metric_label

FOLDER = Path(__file__).parent
# What the stream would have said before the page's numbers were read: the page notices whatever comes after that.
KNOWN: ContextVar[str] = ContextVar("known", default="null")


def page(template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page made from `templates/NAME.html.j2`."""
    return HTMLResponse(
        _environment().get_template(f"{template}.html.j2").render(known=KNOWN.get(), **context), status_code=status
    )


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["metric_label"] = metric_label
    return environment
