"""Reinforcement learning in use: an agent plays an environment, greedily, and an episode is kept as a GIF."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from upslope.data.loading.dataset import Dataset
from upslope.envs import draw
from upslope.envs.play import Episodes, play
from upslope.envs.vector import Floats, VectorEnv, make
from upslope.runs.errors import ConfigProblem
from upslope.ship.pipelines.pipeline import Arrays, Options, Pipeline, Prediction, Remark, UnreadableInput

_OURS = "upslope predict"  # in a GIF, so that it is known again
_FRAMES = 250  # of a GIF at most; longer episodes leave out every second step, or more


@dataclass(frozen=True)
class Played(Prediction):
    """Some episodes of one environment, and the observations of the first of them."""

    returns: tuple[float, ...]
    lengths: tuple[int, ...]
    limit: int
    observations: Floats = field(repr=False)  # (T, *S)

    def rows(self, options: Options) -> list[tuple[str, str, float | None]]:
        """Each of the first ten returns; of several episodes their mean and the lowest."""
        said: list[tuple[str, str, float | None]] = []
        for number, (value, steps) in enumerate(zip(self.returns[:10], self.lengths, strict=False)):
            ends = "the clock ended it" if steps == self.limit else f"{steps} steps"
            said.append((f"episode {number}", f"return {value:.6g}   {ends}", None))
        if len(self.returns) > 1:
            mean, lowest = float(np.mean(self.returns)), min(self.returns)
            said.append((f"{len(self.returns)} episodes", f"mean {mean:.6g}   lowest {lowest:.6g}", None))
        return said

    def facts(self, options: Options) -> dict[str, Any]:
        """The environment, the mean return, every return and length."""
        return {
            "environment": self.subject,
            "mean_return": float(np.mean(self.returns)),
            "returns": list(self.returns),
            "lengths": list(self.lengths),
        }


class ReinforcementLearning(Pipeline):
    """Names of environments in, returns out; without a name it plays what it was trained in."""

    tag: ClassVar[str] = "reinforcement-learning"
    noun: ClassVar[str] = "environment"
    needs_input: ClassVar[bool] = False
    example: ClassVar[str] = "CartPole-v1"
    options: ClassVar[frozenset[str]] = frozenset({"count", "seed"})
    shows: ClassVar[str] = ".gif"

    @property
    def trained_in(self) -> str:
        """The environment that it learned in."""
        return str(self.spec.preprocessing["environment"])

    def read(self, words: Sequence[str], options: Options) -> Iterator[VectorEnv | UnreadableInput]:
        """An environment for each name, as many copies as episodes were asked for."""
        actions = int(self.spec.outputs["q"]["actions"])
        for name in words or [self.trained_in]:
            try:
                environment = make(name, copies=options.count, seed=options.seed)
            except ConfigProblem as problem:
                yield UnreadableInput(name, str(problem))
                continue
            if (environment.shape, environment.actions) != (self.spec.shape, actions):
                theirs = f"observes {environment.shape} and has {environment.actions} actions"
                ours = f"{self.spec.shape} and {actions} of {self.trained_in}"
                yield UnreadableInput(name, f"{name} {theirs}; {self.network.name} knows the {ours}")
                continue
            yield environment

    def answers(
        self, words: Sequence[str], options: Options | None = None
    ) -> Iterator[Prediction | UnreadableInput | Remark]:
        """Whole episodes: the network is asked once for each step."""
        for found in self.read(words, options or Options()):
            yield found if isinstance(found, UnreadableInput) else self._played(found)

    def _played(self, environment: VectorEnv) -> Played:
        episodes: Episodes = play(environment, self._values)
        name, own = environment.name, self.trained_in
        return Played(
            name,
            tuple(episodes.returns.tolist()),
            tuple(episodes.lengths.tolist()),
            environment.limit,
            episodes.observations[: episodes.lengths[0], 0],
            doubt="" if name == own else f"it was trained in {own} and plays {name} for the first time",
        )

    def _values(self, observations: Floats) -> Floats:
        q: NDArray[np.float32] = self.finite(self.network.forward(self.preprocess([observations])))["q"]
        return q

    def preprocess(self, items: Sequence[Floats]) -> Arrays:
        """{"observation": (N, *S)}."""
        return {next(iter(self.spec.inputs)): np.concatenate(items).astype(np.float32)}

    def postprocess(self, outputs: Arrays, items: Sequence[Any]) -> list[Prediction]:
        """Unused: an answer takes many steps (`answers`)."""
        raise NotImplementedError("an agent is asked step by step")

    def rows(self, dataset: Dataset) -> Arrays:
        """Recorded observations."""
        return self.preprocess([dataset["observation"]])

    def samples(self, count: int) -> tuple[Arrays, str]:
        """Observations of episodes that it plays, where the environment is here; else random ones."""
        try:
            environment = make(self.trained_in, copies=count, seed=0)
        except ConfigProblem:
            return super().samples(count)
        seen = play(environment, self._values).observations
        return self.preprocess([seen[len(seen) // 2]]), f"observations of {self.trained_in}"

    def draw(self, answers: Sequence[Played]) -> bytes:
        """The first episode of every answer, one after the other, as a GIF."""
        frames = []
        for answer in answers:
            every = -(-len(answer.observations) // _FRAMES)
            moments = range(0, len(answer.observations), every)
            frames += [draw.frame(answer.subject, answer.observations[step], f"step {step}") for step in moments]
        return draw.gif(frames, comment=_OURS)

    def card(self) -> dict[str, list[str]]:
        """What it does, what it is shown, what it cannot do."""
        shape, actions = " x ".join(map(str, self.spec.shape)), self.spec.outputs["q"]["actions"]
        return {
            "What it does": [
                f"Takes an observation ({shape}) of {self.trained_in} and gives a Q value for each of {actions} "
                "actions. The action to take is the one with the highest value."
            ],
            "How observations are prepared": [f"As {self.trained_in} gives them, as float32; nothing is scaled."],
            "Limits": [
                "It learned by acting in one environment, with that one's masses, lengths and time limit. In states "
                "that it never reached its values mean nothing. Where it plays well it has seen few falls."
            ],
        }
