"""The state of a compiled Keras model as a run keeps it: arrays, nothing that could run code when it is loaded."""

from typing import Any

from upslope.twins.transfer import numbers


class KerasStateArrays:
    """A compiled Keras model, as `run.register` takes it: weights, statistics, the optimizer's state."""

    def __init__(self, model: Any) -> None:
        self._model = model
        model.optimizer.build(model.trainable_variables)  # else the velocities would appear with the first step

    def state_dict(self) -> Any:
        """Every number that training changes."""
        return {name: [numbers(v) for v in variables] for name, variables in self._variables().items()}

    def load_state_dict(self, state: Any, /) -> None:
        """The inverse of `state_dict`."""
        for name, variables in self._variables().items():
            for variable, array in zip(variables, state[name], strict=True):
                variable.assign(array)

    def _variables(self) -> dict[str, list[Any]]:
        return {"weights": self._model.variables, "optimizer": self._model.optimizer.variables}
