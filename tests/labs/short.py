"""A few steps call what all of them call: settings that make a smoke run shorter, where only its parts count."""

from collections.abc import Mapping
from typing import Any

FEW = {"epochs": 1, "steps": 10}


def short(settings: Mapping[str, Any]) -> list[str]:
    """Words for the command line, for those of a lab's settings that say how long it learns."""
    return [f"{name}={few}" for name, few in FEW.items() if settings.get(name, 0) > few]
