"""Small wordings that several verbs share: durations, lists of names, paths."""

from collections.abc import Sequence

# Before the command that would do it, where a lab was reached with parts of ours in it.
PROVES = "With all of its parts yours it is proven:"


def seconds(value: float) -> str:
    """0.4 s, 2 s, 38 s, 12 min, 3 h. A whole number is an estimate and shows no digits behind the point."""
    if value < 9.95 and not isinstance(value, int):
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    if value < 7200:
        return f"{value / 60:.0f} min"
    return f"{value / 3600:.0f} h"


def listed(names: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def plural(count: int, noun: str) -> str:
    """1 check, 2 checks."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def size(count: int) -> str:
    """Bytes as people say them: 9.9 MB."""
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def large(count: int) -> str:
    """512,000; 118.0 M; 4.09 G. Nothing for 0."""
    if count < 1_000_000:
        return f"{count:,}" if count else ""
    return f"{count / 1e6:.1f} M" if count < 1_000_000_000 else f"{count / 1e9:.2f} G"
