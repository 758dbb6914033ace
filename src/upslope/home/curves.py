"""Curves as small SVG pictures: lines, an axis with three marks, a word for each line. No styles, only classes."""

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 10, 26
_MOST = 300  # points of a line; more would not be seen

Line = Sequence[tuple[float, float]]  # (step, value)


def curves(lines: Mapping[str, Line], *, title: str) -> Markup:
    """One picture of several lines over the same steps; numbers that are not finite are left out."""
    drawn = {name: thinned([p for p in line if all(map(math.isfinite, p))]) for name, line in lines.items()}
    points = [point for line in drawn.values() for point in line]
    if not points:
        return Markup("")
    x0, x1 = _range([x for x, _ in points])
    y0, y1 = _range([y for _, y in points])

    def place(x: float, y: float) -> str:
        across = _LEFT + (x - x0) / (x1 - x0) * (WIDTH - _LEFT - _RIGHT)
        down = _TOP + (y1 - y) / (y1 - y0) * (HEIGHT - _TOP - _BOTTOM)
        return f"{across:.1f},{down:.1f}"

    parts = []
    for value in (y0, (y0 + y1) / 2, y1):
        at = float(place(x0, value).split(",")[1])
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{at + 4}" text-anchor="end">{value:.3g}</text>')
    for value, anchor in ((x0, "start"), (x1, "end")):
        across = place(value, y0).split(",")[0]
        parts.append(f'<text x="{across}" y="{HEIGHT - 8}" text-anchor="{anchor}">{value:,.0f}</text>')
    for number, (name, line) in enumerate(drawn.items()):
        path = " ".join(place(x, y) for x, y in line)
        parts.append(
            f'<polyline class="line line{number % 6}" points="{path}"><title>{escape(name)}</title></polyline>'
        )
    return Markup(
        f'<svg class="curves" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )


def thinned(line: Line) -> list[tuple[float, float]]:
    """At most so many points, the first and the last among them, each the mean of those that it stands for."""
    if len(line) <= _MOST:
        return list(line)
    width = math.ceil(len(line) / _MOST)
    groups = [line[at : at + width] for at in range(0, len(line), width)]
    means = [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]
    return [tuple(line[0]), *means[1:-1], tuple(line[-1])]  # type: ignore[list-item]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low == high:
        margin = abs(low) / 2 or 0.5
        return low - margin, high + margin
    return low, high
