"""The climb as a picture: a mountain's profile of one bar for each item of the guide, which fills with what is done."""

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from upslope.academy import guide
from upslope.academy.item_state import ItemState

_WIDTH, _HEIGHT, _BELOW = 984, 214, 22
_FOOT, _TOP = 22, 184  # the heights of the first and the last bar


def ridge(states: Sequence[ItemState], here: int | None) -> Markup:
    """The profile, each bar a link to its item, and a flag where the learner goes on."""
    step = _WIDTH / max(1, len(states))
    bars = []
    for k, found in enumerate(states):
        height = _height(k, len(states))
        bars.append(
            f'<rect class="{found.state}" x="{k * step:.1f}" y="{_HEIGHT - height:.1f}" '
            f'width="{step * 0.82:.2f}" height="{height:.1f}"/>'
        )
    marks, level = "", ""
    for k, found in enumerate(states):
        if found.item.level != level:
            level = found.item.level
            if level in guide.LEVELS and level != "G":  # the title and the epigraph have no room of their own
                marks += f'<text x="{k * step:.1f}" y="{_HEIGHT + 16}">{level}</text>'
    flag = ""
    if here is not None:
        x, top = (here + 0.4) * step, _HEIGHT - _height(here, len(states))
        flag = (
            f'<g class="flag"><line x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{top - 34:.1f}"/>'
            f'<path d="M{x:.1f} {top - 34:.1f}l16 6l-16 6z"/></g>'
        )
    done = sum(found.state == "proven" for found in states)
    label = f"The climb: {done} of {len(states)} items proven"
    return Markup(
        f'<svg class="ridge" viewBox="0 0 {_WIDTH} {_HEIGHT + _BELOW}" role="img" aria-label="{escape(label)}">'
        + "".join(bars)
        + f'<line class="ground" x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>{marks}'
        + flag
        + "</svg>"
    )


def _height(k: int, count: int) -> float:
    """A slope that grows steeper, with small peaks on it so that it looks like a mountain and not like a ramp."""
    t = k / max(1, count - 1)
    peaks = 9 * math.sin(9.4 * t) * t + 4 * math.sin(31 * t + 1) + 2.5 * math.sin(77 * t)
    return max(8.0, _FOOT + (_TOP - _FOOT) * math.pow(t, 1.6) + peaks)
