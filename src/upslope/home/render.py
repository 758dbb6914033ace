"""Templates to pages. Everything is escaped but what is marked as HTML of ours."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from upslope.runs.result import metric_label

FOLDER = Path(__file__).parent


def page(template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page made from `templates/NAME.html.j2`."""
    return HTMLResponse(_environment().get_template(f"{template}.html.j2").render(**context), status_code=status)


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
