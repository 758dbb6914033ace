"""Starting a lab, and going on with one that was interrupted: what `upslope lab` calls."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, cast

from upslope.cards import Found, LabCard, discover
from upslope.runs import tracking
from upslope.runs.config import LabConfig, make_config, parse_settings
from upslope.runs.errors import Problem, ProcessLost, RunProblem
from upslope.runs.interruption import Terminated
from upslope.runs.result import Result, read_result
from upslope.runs.run import Run
from upslope.runs.run_dir import find_run, read_settings
from upslope.runs.worker_rank import Followed, folder_to_follow_in, rank

Started = Callable[[Run[Any]], None]


def start(
    found: Found,
    settings: Sequence[str] = (),
    *,
    preset: str = "laptop",
    parts: Mapping[str, str] | None = None,
    root: Path | None = None,
    quiet: bool = False,
    started: Started | None = None,
) -> Result:
    """Run a lab. `started` is called once the settings are accepted and the folder exists."""
    card = cast(LabCard, found.card)
    module = found.load()
    config = parse_settings(cast(type[LabConfig], module.Config), settings, card=card, preset=preset)
    config.check_machine()
    if config.track:
        tracking.need()
    if rank(config) > 0:
        with folder_to_follow_in() as root:
            _follow(module, Run.create(card, config, preset=preset, root=root, quiet=True))
    run = Run.create(card, config, preset=preset, parts=parts, root=root, quiet=quiet)
    return _train(module, run, started)


def resume(
    where: str | Path,
    *,
    found: Found | None = None,
    root: Path | None = None,
    quiet: bool = False,
    started: Started | None = None,
) -> Result:
    """Go on with the run in this folder (or of this name) from its last checkpoint."""
    folder = find_run(where, root=root)
    lab = str(read_settings(folder)["lab"])
    found = found or discover("labs").get(lab)
    if found is None:
        raise RunProblem(f"{folder.name} is a run of {lab}, and there is no such lab here")
    module = found.load()
    kind, card = cast(type[LabConfig], module.Config), cast(LabCard, found.card)
    config = make_config(kind, read_settings(folder)["config"], lab=lab)
    config.check_machine()
    if rank(config) > 0:
        with folder_to_follow_in(folder) as copies:
            _follow(module, Run.open(copies / folder.name, kind, card=card, quiet=True))
    run = Run.open(folder, kind, card=card, quiet=quiet)
    return _train(module, run, started)


def _train(module: ModuleType, run: Run[Any], started: Started | None) -> Result:
    from threadpoolctl import threadpool_limits

    if run.config.track:
        run.track()
    if started is not None:
        started(run)
    try:
        with threadpool_limits(limits=run.config.threads or None, user_api="blas"):
            module.run(run.config, run)
    except (KeyboardInterrupt, Terminated):
        run.say(_stopped(run))
        raise
    except ProcessLost:
        raise
    except (Problem, ImportError):  # settings, data or packages that the lab refuses in its first lines
        run.discard()
        raise
    finally:
        run.close()
    result = read_result(run.folder)
    if result is None:
        raise RunProblem(f"{run.card.name} ended without calling run.finish(...): {run.folder.name} has no result")
    return result


def _stopped(run: Run[Any]) -> str:
    """What an interrupted run has kept, and how it goes on."""
    again = f"upslope lab --resume {run.folder.name}"
    if run.goes_on:
        return f"stopped: {again} {run.goes_on}"
    if run.saved is None:
        return f"stopped before anything could be saved: {again} begins anew"
    lost = f" (it had done {run.step})" if run.step > run.saved else ""
    return f"stopped, and saved after step {run.saved}{lost}: {again} goes on from there"


def _follow(module: ModuleType, run: Run[Any]) -> NoReturn:
    """Be one of the processes that help the first one train; the folder it writes into is thrown away."""
    try:
        module.run(run.config, run)
    except Followed:
        raise SystemExit(0) from None
    finally:
        run.close()
    raise RunProblem(f"{run.card.name} cannot be trained by {run.config.model_dump().get('devices')} processes")
