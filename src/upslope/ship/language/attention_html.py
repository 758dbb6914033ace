"""Attention as a page: one file with all that it needs, which any browser opens offline."""

import base64
from collections import Counter
from pathlib import Path

import numpy as np

from upslope.ship.language.attention import Attention
from upslope.ship.own_page import filled_in, write_own_page

_PARTS = Path(__file__).parent / "attention_page"


def write_page(attention: Attention, path: Path, *, layer: int, head: int) -> None:
    """Write the page, open at one head, counted from 0. RunProblem where a file of another kind stands there."""
    write_own_page(path, page(attention, layer=layer, head=head))


def page(attention: Attention, *, layer: int, head: int) -> str:
    """The page as text."""
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
    return filled_in(
        _PARTS,
        data,
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
    )
