"""Boxes as Pascal VOC's XML files hold them: a file for each picture, in it an <object> for each box.

M. Everingham et al., "The Pascal Visual Object Classes (VOC) Challenge", 2010,
https://doi.org/10.1007/s11263-009-0275-4. The four numbers of a box are taken as edges, as they are written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Ragged
from upslope.runs.errors import DataProblem

_EDGES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Annotation:
    """The boxes of one picture, in xyxy pixels, and their classes."""

    boxes: NDArray[np.float32]  # (n, 4)
    labels: NDArray[np.int64]  # (n,)
    without_area: int = 0  # boxes that were left out, since nothing is in them


def annotation(content: bytes, classes: Sequence[str], *, name: str) -> Annotation:
    """What one file says; DataProblem, with its `name`, where that cannot be understood."""
    try:
        objects = list(ElementTree.fromstring(content).iter("object"))
        found = [(_text(each, "name"), [float(_text(each, f"bndbox/{edge}")) for edge in _EDGES]) for each in objects]
    except (ElementTree.ParseError, ValueError) as error:
        raise DataProblem(f"{name} is no VOC annotation: {error}") from None
    unknown = sorted({kind for kind, _ in found} - set(classes))
    if unknown:
        raise DataProblem(f'{name} holds a "{unknown[0]}"; the classes are {", ".join(classes)}')
    real = [(kind, box) for kind, box in found if box[2] > box[0] and box[3] > box[1]]
    boxes = np.array([box for _, box in real], dtype=np.float32).reshape(-1, 4)
    labels = np.array([classes.index(kind) for kind, _ in real], dtype=np.int64)
    return Annotation(boxes, labels, len(found) - len(real))


def columns(annotations: Iterable[Annotation]) -> dict[str, Ragged]:
    """`boxes` and `label` of a data set; a picture without any has an empty row."""
    given = list(annotations)
    return {
        "boxes": Ragged.of([each.boxes for each in given], dtype=np.float32) if given else _no_boxes(),
        "label": Ragged.of([each.labels for each in given], dtype=np.int64),
    }


def _no_boxes() -> Ragged:
    return Ragged(np.empty((0, 4), dtype=np.float32), np.zeros(1, dtype=np.int64))


def _text(element: ElementTree.Element, path: str) -> str:
    found = element.findtext(path)
    if found is None:
        raise ValueError(f"an object without {path}")
    return found.strip()
