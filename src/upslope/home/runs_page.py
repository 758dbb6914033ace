"""The runs: all of them, one with its curves as they grow, two beside each other, and the line of labs that wait."""

import json
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from markupsafe import Markup
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response

from upslope.academy.lab_parts import part_name, whose
from upslope.academy.progress import Progress
from upslope.cards import LabCard, discover
from upslope.home.curves import Line, curves
from upslope.home.lab_queue import LabQueue
from upslope.home.render import page
from upslope.runs.metrics import Row, read_metrics
from upslope.runs.result import Result, format_value, metric_label
from upslope.runs.run_dir import RunSummary, find_run, list_runs, read_settings
from upslope.runs.workspace import progress_file, runs_folder, short

_SIDES = ("train_", "val_", "test_")  # of one quantity: drawn in one picture


def show_list(queue: LabQueue) -> Response:
    """All runs, newest first, what trains and what waits, and the labs that can be started."""
    accepted = Progress(progress_file()).accepted()
    labs = []
    for name, found in discover("labs").items():
        parts = list(whose(name, accepted).values())
        card = cast(LabCard, found.card)
        labs.append((name, card.title, card.seconds.get("laptop"), parts.count("yours"), len(parts)))
    return page(
        "runs",
        follows="runs events",
        runs=[(run, brief(run)) for run in list_runs()],
        queue=queue.current(),
        ended=queue.ended(),
        labs=labs,
        folder=short(runs_folder()),
    )


def show_run(name: str, queue: LabQueue) -> Response:
    """One run: what it reached, its curves, its pictures, whose parts it is made of."""
    run = _find(name)
    settings = read_settings(run.folder)
    result = run.result
    parts = {part_name(exercise): whose_it_is for exercise, whose_it_is in settings["parts"].items()}
    return page(
        "run",
        follows="runs",
        run=run,
        result=result,
        card=_card(run.lab),
        brief=brief(run),
        targets=_targets(result),
        figures=figures({run.name: read_metrics(run.folder / "metrics.jsonl")}),
        pictures=[path.name for path in sorted((run.folder / "pictures").glob("*.png"))],
        parts=parts,
        yours=list(parts.values()).count("yours"),
        config=settings["config"],
        job=next((job for job in queue.current() if job.state == "running"), None) if run.state == "running" else None,
        others=[other.name for other in list_runs() if other.lab == run.lab and other.name != run.name][:20],
    )


def compare(one: str, two: str) -> Response:
    """Two runs: where their settings differ, what they reached, their curves in one picture."""
    runs = [_find(one), _find(two)]
    configs = [read_settings(run.folder)["config"] for run in runs]
    names = list(dict.fromkeys([*configs[0], *configs[1]]))
    differ = [
        (name, configs[0].get(name, ""), configs[1].get(name, ""))
        for name in names
        if configs[0].get(name) != configs[1].get(name)
    ]
    measured = [run.result.measured() if run.result else {} for run in runs]
    metrics = [
        (name, measured[0].get(name, ""), measured[1].get(name, ""))
        for name in dict.fromkeys([*measured[0], *measured[1]])
    ]
    return page(
        "compare",
        follows="runs",
        runs=runs,
        briefs=[brief(run) for run in runs],
        differ=differ,
        metrics=metrics,
        figures=figures({run.name: read_metrics(run.folder / "metrics.jsonl") for run in runs}),
    )


def show_lab(name: str, refused: str = "", given: dict[str, str] | None = None) -> Response:
    """A lab's settings as a form."""
    card = _card(name)
    if card is None:
        return PlainTextResponse(f"There is no lab called {name!r}; the runs page lists them.", 404)
    accepted = Progress(progress_file()).accepted()
    parts = {part_name(exercise): whose_it_is for exercise, whose_it_is in whose(name, accepted).items()}
    return page(
        "lab",
        status=400 if refused else 200,
        follows="",
        card=card,
        settings=lab_settings(name),
        parts=parts,
        yours=list(parts.values()).count("yours"),
        refused=refused,
        given=given or {},
    )


def start(name: str, form: dict[str, str], queue: LabQueue) -> Response:
    """Put a lab in the line, with the settings that differ from its own."""
    preset = form.get("preset", "laptop")
    words = [name]
    for setting in lab_settings(name):
        key = setting["name"]
        value = form.get(key, "").strip()
        usual = _typed(setting["presets"].get(preset, setting["default"]))
        if value and value != usual:
            words.append(f"{key}={value}")
    words += ["--preset", preset] if preset != "laptop" else []
    words += ["--mine"] if form.get("mine") else []
    if refused := _refused(words):
        return show_lab(name, refused, form)
    queue.add(words)
    return RedirectResponse("/runs", status_code=303)


def resume(name: str, queue: LabQueue) -> Response:
    """Put an interrupted run back in the line."""
    queue.add(["--resume", _find(name).name])
    return RedirectResponse("/runs", status_code=303)


def picture(name: str, file: str) -> Response:
    """A picture of a run: one that its folder lists, so that no path leads anywhere else."""
    folder = _find(name).folder / "pictures"
    known = {path.name: path for path in folder.glob("*.png")}
    if file not in known:
        return PlainTextResponse(f"{name} has no picture called {file!r}.", 404)
    return FileResponse(known[file], media_type="image/png")


def brief(run: RunSummary) -> str:
    """How a run stands, in half a line."""
    result = run.result
    if result is None:
        return f"{run.state}, after step {run.step:,}"
    if not result.targets:
        return "finished"
    found = [f"{metric_label(target.metric)} {target.measured()}" for target in result.targets]
    return f"{', '.join(found)}, {'reached' if result.reached else 'not reached'}"


def figures(rows: dict[str, Sequence[Row]]) -> list[tuple[str, Markup, list[str]]]:
    """One picture for each quantity that was logged: a title, the picture, the names of its lines."""
    lines: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for run, table in rows.items():
        for row in table:
            for name, value in row.items():
                if name == "step":
                    continue
                side = next((side for side in _SIDES if name.startswith(side)), "")
                called = f"{run} {name}" if len(rows) > 1 else name
                lines.setdefault(name.removeprefix(side), {}).setdefault(called, []).append((row["step"], value))
    drawn = []
    for name, group in lines.items():
        kept: dict[str, Line] = {called: line for called, line in group.items() if len(line) > 1}
        if image := curves(kept, title=f"{metric_label(name)} over the steps"):
            drawn.append((metric_label(name), image, list(kept)))
    return drawn


def lab_settings(name: str) -> list[dict[str, Any]]:
    """A lab's settings, from the command line: what a lab imports is none of this server's."""
    return cast(list[dict[str, Any]], _help(name).get("settings", []))


@lru_cache(maxsize=64)
def _help(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "upslope", "lab", name, "--help", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return cast(dict[str, Any], json.loads(done.stdout.strip().split("\n")[-1]))
    except (ValueError, IndexError):
        return {}


def _refused(words: list[str]) -> str:
    """Why the lab would not begin with these words; its own sentence."""
    command = [sys.executable, "-c", _TRY, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


_TRY = """
import sys
from upslope.cards import discover
from upslope.runs.config import parse_settings
name, *words = sys.argv[1:]
preset = words[words.index("--preset") + 1] if "--preset" in words else "laptop"
found = discover("labs")[name]
try:
    settings = [word for word in words if "=" in word]
    parse_settings(found.load().Config, settings, card=found.card, preset=preset)
except Exception as error:
    print(str(error).split("\\n\\n")[0])
"""


def _find(name: str) -> RunSummary:
    folder = find_run(runs_folder() / name if "/" not in name else "")
    return next(run for run in list_runs() if run.name == folder.name)


def _card(lab: str) -> LabCard | None:
    found = discover("labs").get(lab)
    return cast(LabCard, found.card) if found is not None else None


def _targets(result: Result | None) -> list[dict[str, Any]]:
    """What a finished run was to reach, beside what a network that is broken on purpose reaches."""
    return [
        {
            "metric": metric_label(target.metric),
            "value": target.measured(),
            "bound": target.bound(),
            "reached": target.reached,
            "broken": [(name, format_value(score, target.unit)) for name, score in target.broken.items()],
        }
        for target in (result.targets if result else ())
    ]


def _typed(value: object) -> str:
    """A value as it is typed."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(_typed, value)) if isinstance(value, list | tuple) else "" if value is None else str(value)
