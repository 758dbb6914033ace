"""COCO's annotation files: the boxes of each image, and what they show.

T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", 2014, https://arxiv.org/abs/1405.0312. In the file a box
is [left, top, width, height] in pixels; here it is (left, top, right, bottom). Crowds are left out, and boxes without
area, in which nothing is.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from upslope.data.loading.dataset import Ragged
from upslope.runs.errors import DataProblem


@dataclass(frozen=True)
class Annotated:
    """What a file says: images in the order of their ids, and for each its boxes and their labels."""

    files: tuple[str, ...]
    boxes: Ragged  # float32 (n, 4), xyxy
    labels: Ragged  # int64 (n,), positions in `classes`
    classes: tuple[str, ...]
    without_area: tuple[str, ...] = ()  # the files of boxes that were left out


def read_coco(path: Path) -> Annotated:
    """The annotations of a JSON file. An image without boxes is an image, too."""
    try:
        content = json.loads(path.read_bytes())
        images = sorted(content["images"], key=lambda image: image["id"])
        categories = sorted(content["categories"], key=lambda category: category["id"])
        annotations = content["annotations"]
    except OSError as error:
        raise DataProblem(f"{path.name} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataProblem(f"{path.name} holds no annotations in COCO's format: {error}") from None
    place = {image["id"]: number for number, image in enumerate(images)}
    label = {category["id"]: number for number, category in enumerate(categories)}
    boxes: list[list[list[float]]] = [[] for _ in images]
    labels: list[list[int]] = [[] for _ in images]
    flat = []
    for one in annotations:
        if one.get("iscrowd"):
            continue
        _check(one, place, label, path)
        left, top, width, height = one["bbox"]
        if not width * height:
            flat.append(str(images[place[one["image_id"]]]["file_name"]))
            continue
        boxes[place[one["image_id"]]].append([left, top, left + width, top + height])
        labels[place[one["image_id"]]].append(label[one["category_id"]])
    return Annotated(
        tuple(str(image["file_name"]) for image in images),
        Ragged.of([np.reshape(rows, (-1, 4)) for rows in boxes], dtype=np.float32),
        Ragged.of(labels, dtype=np.int64),
        tuple(str(category["name"]) for category in categories),
        tuple(flat),
    )


def _check(one: dict[str, Any], place: dict[Any, int], label: dict[Any, int], path: Path) -> None:
    """DataProblem where an annotation belongs to nothing, or its box is none."""
    where = f"{path.name}, annotation {one.get('id')}"
    if one.get("image_id") not in place:
        raise DataProblem(f"{where}: there is no image {one.get('image_id')}")
    if one.get("category_id") not in label:
        raise DataProblem(f"{where}: there is no category {one.get('category_id')}")
    box = one.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not np.isfinite(box).all() or box[2] < 0 or box[3] < 0:
        raise DataProblem(f"{where}: a box is [left, top, width, height], got {box}")
