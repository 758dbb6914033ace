"""Pages of `upslope look`: one file with all that it needs, which any browser opens offline."""

import json
from pathlib import Path
from typing import Any

from upslope.runs.errors import RunProblem
from upslope.runs.files import write_atomically
from upslope.runs.workspace import short

MARK = b'<meta name="generator" content="upslope look">'  # in the first lines of every page that is written here


def write_own_page(path: Path, text: str) -> None:
    """Write the page; RunProblem where a file of another kind stands there."""
    if path.is_dir() or (path.exists() and MARK not in path.read_bytes()[:2000]):
        what = "a folder" if path.is_dir() else "there, and no page of upslope look"
        raise RunProblem(f"{short(path)} is {what}: name another file with --out")
    write_atomically(path, text.encode())


def filled_in(parts: Path, data: dict[str, Any], **values: Any) -> str:
    """page.html.j2 of a folder with its page.css and page.js inside, and `data` as JSON for the script."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((parts / "page.html.j2").read_text(encoding="utf-8"))
    return template.render(
        **values,
        css=Markup((parts / "page.css").read_text(encoding="utf-8")),
        script=Markup((parts / "page.js").read_text(encoding="utf-8")),
        # A text may hold "</script>".
        data=Markup(json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")),
    )
