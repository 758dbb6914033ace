"""Attention as a page: one file with all that it needs, which any browser opens offline."""

import base64
import json
from collections import Counter
from pathlib import Path

import numpy as np

from upslope.runs.errors import RunProblem
from upslope.runs.files import write_atomically
from upslope.runs.workspace import short
from upslope.ship.language.attention import Attention

MARK = b'<meta name="generator" content="upslope look">'  # in the first lines of every page that is written here
_PARTS = Path(__file__).parent / "attention_page"


def write_page(attention: Attention, path: Path, *, layer: int, head: int) -> None:
    """Write the page, open at one head, counted from 0. RunProblem where a file of another kind stands there."""
    if path.is_dir() or (path.exists() and MARK not in path.read_bytes()[:2000]):
        what = "a folder" if path.is_dir() else "there, and no page of upslope look"
        raise RunProblem(f"{short(path)} is {what}: name another file with --out")
    write_atomically(path, page(attention, layer=layer, head=head).encode())


def page(attention: Attention, *, layer: int, head: int) -> str:
    """The page as text."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    layers, heads, count, _ = attention.weights.shape
    causal, patterns = attention.causal, attention.patterns()
    kinds = Counter(name for row in patterns for name, _ in row)
    packed = np.rint(attention.weights * 65535).astype("<u2").tobytes()
    data = {
        "tokens": [[label.text, label.joined] for label in attention.tokens],
        "layers": layers,
        "heads": heads,
        "causal": causal,
        "layer": layer,
        "head": head,
        "row": count - 1 if causal else count // 2,
        "patterns": [[[name, round(share, 4)] for name, share in row] for row in patterns],
        "kinds": kinds.most_common(),
        "weights": base64.b64encode(packed).decode(),
    }
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((_PARTS / "page.html.j2").read_text(encoding="utf-8"))
    return template.render(
        model=attention.model,
        about=attention.about[:1].upper() + attention.about[1:],
        layers=layers,
        heads=heads,
        count=count,
        causal=causal,
        left_out=attention.left_out,
        layer=layer,
        head=head,
        labels=attention.tokens,
        rows=[
            ["" if causal and place > row else f"{100 * share:.1f}" for place, share in enumerate(shares)]
            for row, shares in enumerate(attention.weights[layer, head].tolist())
        ],
        css=Markup((_PARTS / "page.css").read_text(encoding="utf-8")),
        script=Markup((_PARTS / "page.js").read_text(encoding="utf-8")),
        # A sentence may hold "</script>".
        data=Markup(json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")),
    )
