"""What a learner says about an item of the guide: parts, hours, a link, a note. It is kept, and is never proof."""

import math
import re
from typing import Any
from urllib.parse import urlsplit


class BadReport(ValueError):
    """A report that makes no sense; the message says what was expected and what came."""


def report_of(*, part: str = "", hours: str = "", link: str = "", note: str = "") -> dict[str, Any]:
    """The payload of a report's event, from words as they are typed; what is empty is left out."""
    found: dict[str, Any] = {}
    if part.strip():
        match = re.fullmatch(r"(\d{1,6})\s*/\s*(\d{1,6})", part.strip())
        if match is None or not int(match[2]) > 0 or int(match[1]) > int(match[2]):
            raise BadReport(f'a part is written 3/20, the first number at most the second, not "{part.strip()}"')
        found["part"] = [int(match[1]), int(match[2])]
    if hours.strip():
        try:
            value = float(hours)
        except ValueError:
            value = math.nan
        if not 0 < value <= 10_000:
            raise BadReport(f'hours are a number above 0, not "{hours.strip()}"')
        found["hours"] = value
    if link.strip():
        parts = urlsplit(link.strip())
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise BadReport(f'a link begins with https:// or http://, not "{link.strip()}"')
        found["link"] = link.strip()
    if note.strip():
        found["note"] = note.strip()
    return found
