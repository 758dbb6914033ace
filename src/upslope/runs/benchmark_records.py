"""Speed beside peers, from the records that the benchmarks leave in results/speed/: ratios, never bare seconds."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from upslope.runs.errors import RunProblem

_VERSIONS = (
    "numpy",
    "torch",
    "lightning",
    "transformers",
    "onnxruntime",
    "tokenizers",
    "tiktoken",
    "stable_baselines3",
    "blas",
)


@dataclass(frozen=True)
class Speed:
    """What one benchmark measured in one run, ours and the peer in turns."""

    benchmark: str
    results: list[dict[str, Any]]  # {"case", "threads", "ratio", "bound"}; a ratio below 1 is faster than the peer
    versions: dict[str, Any]


def read_speed(folder: Path) -> list[Speed]:
    """The records of all benchmarks, by name."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            content = json.loads(path.read_bytes())
            versions = {name: content[name] for name in _VERSIONS if name in content}
            found.append(Speed(path.stem, list(content["results"]), versions))
        except (ValueError, KeyError, TypeError) as error:
            raise RunProblem(f"{path.name} is not a record of a benchmark: {error}") from None
    return found


def speed_markdown(records: Sequence[Speed]) -> str:
    """The last part of RESULTS.md."""
    lines = ["", "## Speed beside peers", ""]
    lines += [
        "Ours and the peer in turns within one run; a ratio is our time (or memory) by theirs, below 1 is less. Where "
        "the bound is at least so much, it is our tokens a second by theirs.",
        "",
    ]
    lines += ["| benchmark | case | threads | ratio | bound |", "| --- | --- | ---: | ---: | ---: |"]
    for record in records:
        for row in record.results:
            # Bounds are set at the thread count that the peer was measured with.
            least = "at least " if row.get("more_is_better") else ""
            bound = f"{least}{round(row['bound'], 2):g}" if row.get("bound") is not None else ""
            lines.append(f"| {record.benchmark} | {row['case']} | {row['threads']} | {row['ratio']:.2f} | {bound} |")
    lines.append("")
    for record in records:
        said = ", ".join(f"{name} {', '.join(v) if isinstance(v, list) else v}" for name, v in record.versions.items())
        lines.append(f"- **{record.benchmark}**: `python benchmarks/{record.benchmark}.py`; {said}.")
    return "\n".join(lines) + "\n"
