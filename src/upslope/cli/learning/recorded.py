"""Events that a verb would like to keep, and can do without: what it has to show counts for more."""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from upslope.academy.progress import Progress


def recorded(progress: "Progress", kind: str, subject: str, **payload: Any) -> str:
    """Append an event; where that cannot be, why: a sentence, which is also said on stderr. Else ""."""
    from upslope.academy.progress import BadProgress

    try:
        progress.add(kind, subject, **payload)
    except BadProgress as problem:
        print(f"  not recorded: {problem}", file=sys.stderr)
        return str(problem)
    return ""
