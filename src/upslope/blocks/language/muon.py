"""Muon: the momentum of each weight matrix is made orthogonal before it moves the weights.

K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
https://kellerjordan.github.io/posts/muon/.

- All singular values of an update become about 1: directions in which gradients are rare move as fast as the others.
- A Newton-Schulz iteration does that with matrix products only, without a singular value decomposition.
- For the matrices of hidden layers; embeddings, the last layer and vectors are left to AdamW, in the same optimizer.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


def newton_schulz(g: Float[Tensor, "*B M N"], *, steps: int = 5, eps: float = 1e-7) -> Float[Tensor, "*B M N"]:
    """Matrices with the singular vectors of g and singular values near 1, by x <- a x + (b A + c A^2) x, A = x x^T.

    First x = g / (norm + eps), with the norm of all numbers of a matrix (Frobenius), so no singular value is above 1.
    A matrix with more rows than columns is transposed meanwhile, so that A is the smaller product. Each step takes a
    singular value s to a s + b s^3 + c s^5, with a, b, c = 3.4445, -4.775, 2.0315: after five, 0.01 has become about
    0.7, and all others lie between 0.68 and 1.14. Near 1 is enough, and these coefficients are the fastest. After one
    step [[3]] becomes [[0.701]] = 3.4445 - 4.775 + 2.0315, for eps = 0. Jordan et al. 2024.
    """
    a, b, c = 3.4445, -4.775, 2.0315
    # The Frobenius norm is at least the largest singular value: all of them lie in [0, 1] now.
    x = g / (g.norm(dim=(-2, -1), keepdim=True) + eps)
    # The product x x^T is small if x is wide.
    tall = g.shape[-2] > g.shape[-1]
    if tall:
        x = x.mT
    # An odd polynomial of a matrix acts on its singular values and leaves the singular vectors.
    for _ in range(steps):
        product = x @ x.mT
        x = a * x + (b * product + c * product @ product) @ x
    return x.mT if tall else x


class Muon(torch.optim.AdamW):
    """Muon for the parameter groups that say {"muon": True}, AdamW for the others.

    Momentum is Nesterov's; an update of a matrix (out, in) is multiplied by sqrt(max(1, out / in)), so that a learning
    rate suits matrices of any shape. Matrices of one shape are orthogonalised together.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        *,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.8, 0.95),
        weight_decay: float = 0.0,
    ) -> None:
        """`groups` as every optimizer of PyTorch takes them, each with a learning rate."""
        super().__init__(
            [{"muon": False, "momentum": momentum, **group} for group in groups],
            betas=betas,
            eps=1e-10,
            weight_decay=weight_decay,
            fused=True,
        )

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One update of all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group["muon"]:
                self._orthogonal(group)
        super().step()  # it leaves alone what has no gradient any more
        return loss

    def _orthogonal(self, group: dict[str, Any]) -> None:
        alike: dict[torch.Size, list[nn.Parameter]] = defaultdict(list)
        for parameter in group["params"]:
            if parameter.grad is not None:
                alike[parameter.shape].append(parameter)
        for shape, parameters in alike.items():
            directions = []
            for parameter in parameters:
                assert parameter.grad is not None
                state = self.state[parameter]
                if not state:
                    # AdamW, which reads states back from a checkpoint, looks for its counter in each of them.
                    state |= {"momentum": torch.zeros_like(parameter), "step": torch.zeros(())}
                average = state["momentum"]
                average.lerp_(parameter.grad, 1 - group["momentum"])
                directions.append(parameter.grad.lerp(average, group["momentum"]))
            scale = max(1.0, shape[0] / shape[1]) ** 0.5
            for parameter, update in zip(parameters, newton_schulz(torch.stack(directions)), strict=True):
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * scale)
                parameter.grad = None


def muon_and_adamw(
    model: nn.Module, *, lr: float, embedding_lr: float, head_lr: float, muon: bool = True, **settings: Any
) -> Muon:
    """One optimizer with three learning rates for a model with `blocks` and a `head`; all the rest are embeddings.

    Muon moves the matrices of the blocks, AdamW embeddings and head; without `muon` AdamW moves all.
    """
    groups: dict[str, list[nn.Parameter]] = {"blocks": [], "head": [], "embeddings": []}
    for name, parameter in model.named_parameters():
        part = name.partition(".")[0]
        groups[part if part in groups else "embeddings"].append(parameter)
    return Muon(
        [
            {"params": groups["blocks"], "lr": lr, "muon": muon},
            {"params": groups["embeddings"], "lr": embedding_lr},
            {"params": groups["head"], "lr": head_lr},
        ],
        **settings,
    )
