"""Reinforcement learning by Q values: what an action is worth, learned from transitions, measured by playing.

V. Mnih et al. 2015, https://doi.org/10.1038/nature14236; H. van Hasselt et al. 2015, https://arxiv.org/abs/1509.06461.
The data are environments: `predict` plays greedily in one that is made for it, so evaluating touches neither the
environments of the training, nor its generators, nor what it explores.
"""

import copy
from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from upslope.blocks.play.q_learning import double_dqn_target
from upslope.blocks.play.returns import discounted_returns
from upslope.envs import draw
from upslope.envs.play import Episodes, play
from upslope.envs.vector import Floats, VectorEnv
from upslope.models.build import Built
from upslope.runs.model_spec import ModelSpec
from upslope.runs.reports import play as figures
from upslope.runs.run import Run
from upslope.training.batches import Batch
from upslope.training.state import StateArrays
from upslope.training.tasks.task import Task


class ReinforcementLearning(Task):
    """Double DQN with n-step returns: `model` learns, `target` is its older copy."""

    tag: ClassVar[str] = "reinforcement-learning"

    def __init__(self, model: nn.Module, environment: VectorEnv, *, gamma: float) -> None:
        """`environment` says what is observed and how many actions there are; it is not stepped here."""
        super().__init__(model)
        self.gamma, self.environment = gamma, environment.name
        self.shape, self.actions = environment.shape, environment.actions
        self.target = copy.deepcopy(model).requires_grad_(False)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """The Huber loss between Q(s, a) and its target, and the mean of Q; a batch is of `ReplayMemory.sample`."""
        q = self.says(batch["observations"]).gather(1, batch["actions"][:, None])[:, 0]
        with torch.no_grad():
            online = self.says(batch["next_observations"])
            older = self.says(batch["next_observations"], by=self.target)
        aim = double_dqn_target(batch["returns"], batch["discounts"], online, older)
        return {"loss": F.smooth_l1_loss(q, aim), "q": q.detach().mean()}

    def values(self, observations: Floats, *, by: nn.Module | None = None) -> Floats:
        """Q values (N, A) of observations (N, *S) by the network that learns, or by another; without gradients."""
        with torch.no_grad():
            (seen,) = self.on_device({"observation": observations}).values()
            said: Floats = (by or self.model)(seen).float().cpu().numpy()
        return said

    def on_device(self, arrays: Mapping[str, NDArray[Any]]) -> Batch:
        """Arrays by name as tensors, where the network is."""
        device = next(self.model.parameters()).device
        return {name: torch.from_numpy(array).to(device) for name, array in arrays.items()}

    def kept(self, optimizer: torch.optim.Optimizer) -> dict[str, StateArrays]:
        """What training changes, for `run.register`: the network, its older copy and the optimizer."""
        return {
            "model": StateArrays(self.model),
            "target": StateArrays(self.target),
            "optimizer": StateArrays(optimizer),
        }

    def copy_to_target(self) -> None:
        """Make the older copy what the network is now."""
        self.target.load_state_dict(self.model.state_dict())

    def predict(self, dataset: Any) -> Episodes:
        """One greedy episode of every copy of an environment."""
        with self.asking() as network:
            return play(dataset, partial(self.values, by=network))

    def metrics(self, predictions: Episodes, dataset: Any) -> dict[str, float]:
        """The mean return, the lowest, and by how much Q values promise more than comes, in the mean."""
        promised, came = self.promises(predictions)
        return {
            "return": float(predictions.returns.mean()),
            "lowest_return": float(predictions.returns.min()),
            "overestimation": float((promised - came).mean()),
        }

    def promises(self, played: Episodes) -> tuple[Floats, Floats]:
        """For every step of every episode the Q value of its action, and the discounted return that came: flat."""
        chosen = np.take_along_axis(played.values, played.actions[:, :, np.newaxis], axis=2)[:, :, 0]
        own = np.arange(len(played.rewards))[:, np.newaxis] < played.lengths
        # What would have followed where the clock ended an episode: the best Q value of the state it ended in.
        steps, copies = played.rewards.shape
        after = self.values(played.next_observations.reshape(steps * copies, *self.shape), by=self.predictor).max(
            axis=1
        )
        came = discounted_returns(
            played.rewards, played.terminated, played.truncated, after.reshape(steps, copies), gamma=self.gamma
        )
        return chosen[own], came[own]

    def report(self, run: Run[Any], predictions: Episodes, dataset: Any, *, per_epoch: int) -> None:
        """Learning curve, the distribution of returns, promise and outcome along an episode, and a film strip of it."""
        figures.learning(run)
        run.picture("returns", figures.returns(predictions.returns), "Greedy episodes after training, none left out.")
        first = int(predictions.lengths[0])
        parts = vars(predictions).items()
        one = Episodes(**{name: part[:1] if part.ndim == 1 else part[:first, :1] for name, part in parts})
        promised, came = self.promises(one)
        drawn = figures.promises(promised, came, one.values[:, 0], gamma=self.gamma)
        run.picture("q_values", drawn, "What the network promised along the first episode, and what came.")
        run.picture("episode", draw.strip(self.environment, one.observations[:, 0]), "The first episode.")

    def spec(self, network: Built) -> ModelSpec:
        """An observation in, a Q value for each action out."""
        return ModelSpec(
            task=self.tag,
            model=network.model,
            arguments=network.arguments,
            inputs={"observation": {"shape": list(self.shape), "dtype": "float32"}},
            outputs={"q": {"actions": self.actions}},
            preprocessing={"environment": self.environment},
        )
