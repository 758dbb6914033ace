"""The end of a lab that trained one task: the test set once, the figures, the model and its spec, the result."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from upslope.data.loading.dataset import Dataset
from upslope.models.build import Built
from upslope.runs.result import Result
from upslope.runs.run import Run
from upslope.training.state import arrays
from upslope.training.tasks.task import Task, evaluate
from upslope.training.weight_change import relative_change


def conclude(
    run: Run[Any],
    task: Task,
    test: Any,
    *,
    network: Built,
    per_epoch: int,
    validation: Dataset | None = None,
    metrics: Mapping[str, float] | None = None,
    watch: Mapping[str, str] | None = None,
    **facts: Any,
) -> Result:
    """Measure on `test`, draw, save, finish.

    `watch` makes metrics of how far parameters moved from their first weights: {"filters_moved": "conv1.weight"}. With
    `validation` its metrics are logged and stand among the facts, and the task is calibrated on it; `metrics` are
    further ones that the lab measured.
    """
    if validation is not None:
        _, on_validation = evaluate(task, validation, "validation")
        run.log(run.step, **on_validation)
        facts |= on_validation
        task.calibrate(validation)
    predictions, measured = evaluate(task, test, "test")
    task.report(run, predictions, test, per_epoch=per_epoch)
    run.save_model(arrays(task.predictor), replace(task.spec(network), data=str(getattr(run.config, "data", ""))))
    way = relative_change(task.trained, network.start)
    return run.finish(
        {**measured, **(metrics or {}), **{name: way[parameter] for name, parameter in (watch or {}).items()}},
        parameters=sum(p.numel() for p in task.trained.parameters()),
        moved=way,
        **facts,
    )
