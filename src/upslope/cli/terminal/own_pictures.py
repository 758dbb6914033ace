"""Pictures that a verb draws carry its name, so that it writes over its own and over nobody else's."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray


def may_be_written(path: Path, *, by: str) -> bool:
    """Whether nothing would be lost there: no file, or a picture drawn `by` this verb. It may be a photograph."""
    from PIL import Image

    if not path.exists():
        return True
    try:
        with Image.open(path, formats=["PNG", "GIF"]) as image:
            mark = image.info.get("Software", image.info.get("comment", b""))
            return mark in (by, by.encode())
    except Exception:
        return False


def save_figure(figure: "Figure", path: Path, *, by: str) -> None:
    """A figure as a PNG file that names who drew it, written in one move."""
    from io import BytesIO

    from upslope.runs.files import write_atomically

    file = BytesIO()
    figure.savefig(file, format="png", dpi=130, metadata={"Software": by})
    write_atomically(path, file.getvalue())


def save_pixels(pixels: "NDArray[np.uint8]", path: Path, *, by: str) -> None:
    """An image (H, W) or (H, W, 3), pixel for pixel, as a PNG file that names who drew it."""
    from io import BytesIO

    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    from upslope.runs.files import write_atomically

    mark = PngInfo()
    mark.add_text("Software", by)
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", pnginfo=mark)
    write_atomically(path, file.getvalue())
