"""index.html of a run: the verdict, the pictures, the settings; one file that any browser opens, offline."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from upslope.cards import LabCard
from upslope.runs.files import write_atomically
from upslope.runs.result import Result, format_value, metric_label

Listings = Mapping[str, Mapping[str, str]]  # a title, and program texts that stand side by side


def write_page(
    folder: Path, result: Result, card: LabCard, pictures: Sequence[dict[str, str]], listings: Listings
) -> Path:
    """Write the page of a finished run; pictures are {"file", "name", "caption"}, relative to the folder."""
    path = folder / "index.html"
    write_atomically(path, page(result, card, pictures, listings).encode())
    return path


def page(result: Result, card: LabCard, pictures: Sequence[dict[str, str]], listings: Listings) -> str:
    """The page as text."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["metric_label"] = metric_label
    template = environment.from_string((Path(__file__).parent / "page.html.j2").read_text(encoding="utf-8"))
    verdict = {True: "reached", False: "not reached", None: "no target under these settings"}[result.reached]
    return template.render(
        result=result,
        card=card,
        pictures=pictures,
        listings=listings,
        verdict=verdict,
        metrics=list(result.measured().items()),
        targets=[
            {
                "metric": metric_label(target.metric),
                "value": target.measured(),
                "bound": target.bound(),
                "reached": target.reached,
                "broken": [(name, format_value(score, target.unit)) for name, score in target.broken.items()],
            }
            for target in result.targets
        ],
        facts=_lines(result.facts),
        again=" ".join([f"upslope lab {result.lab} --preset {result.preset}", *result.settings]),
    )


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    lines = []
    for name, value in facts.items():
        if isinstance(value, list):  # tables for programs
            continue
        if isinstance(value, dict):
            text = ", ".join(f"{key} {_number(part)}" for key, part in value.items())
        else:
            text = _number(value)
        lines.append((metric_label(name), text))
    return lines


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
