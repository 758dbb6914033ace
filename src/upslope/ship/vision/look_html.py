"""What `upslope look` found in an image classifier, as a page: one file, less than 5 MB, that asks for nothing."""

from pathlib import Path
from typing import Any

import numpy as np

from upslope.ship.own_page import filled_in, write_own_page
from upslope.ship.vision import drawings
from upslope.ship.vision.explanations import Explanation
from upslope.ship.vision.look import Looked, first_picture

_PARTS = Path(__file__).parent / "look_page"
_SIDE = 56  # places on a side of a map in the gallery, at most
_OVER = 224  # of a smooth map over the picture
_CLASSES = 5


def write_page(looked: Looked, path: Path) -> None:
    """Write the page. RunProblem where a file of another kind stands there."""
    write_own_page(path, page(looked))


def page(looked: Looked) -> str:
    """The page as text."""
    answer, shown = looked.answer, looked.shown
    seen = first_picture(shown.seen)
    best = list(zip(answer.classes, answer.probabilities, strict=True))[:_CLASSES]
    overlays = [_overlays(each) for each in looked.explanations]
    data = {
        "convolution": _drawn(looked.convolution, looked),
        "pooling": _drawn(looked.pooling, looked),
        "explanations": overlays,
    }
    near = looked.nearest
    return filled_in(
        _PARTS,
        data,
        model=looked.model,
        about=looked.about,
        warning=looked.warning,
        name=answer.path.name,
        remarks=[said for said in (answer.doubt, *answer.notes) if said],
        found=drawings.picture(np.ascontiguousarray(shown.picture.transpose(2, 0, 1)))
        if shown.picture is not None
        else "",
        seen=drawings.picture(seen, ink=looked.ink),
        size=" × ".join(map(str, seen.shape[1:])),
        grey=len(seen) == 1,
        ink=looked.ink,
        best=best,
        explained=looked.explained,
        explanations=[
            {"name": each.name, "what": each.what, "said": each.said[0], "uri": drawn["maps"][0]}
            for each, drawn in zip(looked.explanations, overlays, strict=True)
        ],
        layers=[
            {
                "number": each.number,
                "title": each.title,
                "module": each.module,
                "shape": each.shape,
                "most": f"{each.most:.3g}",
                "maps": [
                    (channel + 1, drawings.signed(drawings.smaller(values, _SIDE), each.most))
                    for channel, values in zip(each.channels, each.maps, strict=True)
                ],
                "filters": [_filter(one) for one in each.filters] if each.filters is not None else [],
            }
            for each in looked.layers
        ],
        of=looked.of,
        convolution=looked.convolution,
        pooling=looked.pooling,
        nearest=[
            (drawings.picture(first_picture(pixels), ink=looked.ink), label, f"{similarity:.3f}")
            for pixels, label, similarity in zip(near.pictures, near.labels, near.similarity, strict=True)
        ],
        near=near,
        exciting=[
            (drawings.picture(first_picture(pixels), ink=looked.ink), label)
            for pixels, label in zip(looked.exciting, looked.explained, strict=False)
        ],
    )


def _overlays(each: Explanation) -> dict[str, Any]:
    maps = [drawings.larger(values, _OVER) if each.smooth else values for values in each.maps]
    # A few pixels may outweigh all others by far: the largest hundredth is drawn as one.
    full = [float(np.quantile(np.abs(values), 0.99)) for values in maps]
    draw = drawings.signed if each.signed else drawings.heat
    drawn = [draw(values, most) for values, most in zip(maps, full, strict=True)]
    return {"name": each.name, "maps": drawn, "said": list(each.said)}


def _filter(values: drawings.Values) -> str:
    """A filter of the first layer: signed where pictures are grey, in their colours where they have some."""
    if len(values) == 1:
        return drawings.signed(values[0])
    full = float(np.abs(values).max()) or 1.0
    return drawings.picture((0.5 + values / full / 2).astype(np.float32))


def _drawn(stepped: dict[str, Any] | None, looked: Looked) -> dict[str, Any] | None:
    """What the script needs, and the picture itself where it is what comes in."""
    if stepped is None:
        return None
    return {**stepped, "ink": looked.ink}
