"""What a learner says about an item of the guide: parts, hours, a link, a note. It is kept, and is never proof."""

import math
from typing import Any
from urllib.parse import urlsplit

from upslope.academy.guide import Item, parts
from upslope.academy.position import keep_tiers
from upslope.academy.progress import Progress


class BadReport(ValueError):
    """A report that makes no sense; the message says what was expected and what came."""


def add_report(
    progress: Progress, item: Item, *, part: str = "", hours: str = "", link: str = "", note: str = ""
) -> list[str]:
    """Keep a report, from words as they are typed; the names of the tiers that are held by it now.

    Without a part the report says that the whole is done. Raises BadReport before anything is kept.
    """
    if below := [each.id for each in parts().get(item.id, ())]:
        raise BadReport(f"{item.id} is its parts; report one of them: {', '.join(below)}")
    said = {"part": _part(part.strip()), "hours": _hours(hours.strip()), "link": _link(link.strip())}
    said["note"] = " ".join(note.split())
    progress.add("report", item.id, **{key: value for key, value in said.items() if value})
    return keep_tiers(progress)


def _part(text: str) -> Any:
    if not text:
        return None
    done, slash, of = text.partition("/")
    if not (slash and _count(done) and _count(of) and 0 <= int(done) <= int(of) != 0):
        raise BadReport(f"part is written 3/20, so many of so many, not {text}")
    return [int(done), int(of)]


def _count(text: str) -> bool:
    return text.strip().isdecimal() and len(text.strip()) <= 6


def _hours(text: str) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise BadReport(f"hours is a number of hours, 1.5 for instance, not {text}")
    return value


def _link(text: str) -> str:
    try:
        address = urlsplit(text)
    except ValueError:
        address = urlsplit("")
    if text and (address.scheme not in {"http", "https"} or not address.hostname):
        raise BadReport(f"link is an address that begins with https://, not {text}")
    return text
