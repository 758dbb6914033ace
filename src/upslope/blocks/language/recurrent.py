"""Recurrent networks: a state that is carried from step to step and takes in one input at a time.

J. Elman, "Finding Structure in Time", 1990, https://doi.org/10.1207/s15516709cog1402_1: the tanh network.
S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", 1997, https://doi.org/10.1162/neco.1997.9.8.1735, with the
forget gate of F. Gers, J. Schmidhuber, F. Cummins, "Learning to Forget", 2000.
K. Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014, https://arxiv.org/abs/1406.1078: the
gated recurrent unit.
M. Schuster, K. Paliwal, "Bidirectional Recurrent Neural Networks", 1997, https://doi.org/10.1109/78.650093.
Q. Le, N. Jaitly, G. Hinton, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units", 2015,
https://arxiv.org/abs/1504.00941: the IRNN.

- A cell is one step, a function of the input's share and of the state. The share W x + b needs no state, so a layer
  computes it for all steps in one product, and the cell adds what the state says.
- Layers stand on one another; a bidirectional one reads once from each end and puts both states side by side.
- Sequences of a batch may have different lengths: past its length a sequence keeps its state, and its output is 0.
- Parameters have the names and shapes of PyTorch's nn.RNN, nn.LSTM and nn.GRU, whose state dicts load as they are.
- Left out: peephole connections, projected states, layer norm; PyTorch's fused kernels.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

State = tuple[Tensor, ...]  # (h,), of an LSTM (h, c)


def rnn_cell(
    x: Float[Tensor, "B H"],
    h: Float[Tensor, "B H"],
    *,
    weight: Float[Tensor, "H H"],
    nonlinearity: Literal["tanh", "relu"] = "tanh",
) -> Float[Tensor, "B H"]:
    """The next state: tanh(x + h W^T), or relu of it.

    `x` is the input's share, W_x x_t + b. With x = [[0.5]], h = [[1]] and weight = [[-0.5]] the sum is 0 and so is the
    state. Elman 1990.
    """
    total = x + h @ weight.T
    return total.tanh() if nonlinearity == "tanh" else total.relu()


def lstm_cell(
    x: Float[Tensor, "B gates"],
    h: Float[Tensor, "B H"],
    c: Float[Tensor, "B H"],
    *,
    weight: Float[Tensor, "gates H"],
) -> tuple[Float[Tensor, "B H"], Float[Tensor, "B H"]]:
    """One step of an LSTM: the next hidden state and the next cell state, (h', c').

    `x`, (B, 4H), is the input's share of all four parts, biases included; `weight`, (4H, H), is what the hidden state
    is multiplied by. The rows of both stand in the order i, f, g, o: with [i, f, g, o] = x + h weight^T

        c' = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h' = sigmoid(o) * tanh(c')

    What came is not changed. With x = [[0, 0, 0, 0]], h = [[0]], c = [[2]] and any weight all gates are 1/2 and the
    candidate is 0: c' = [[1]] and h' = [[tanh(1) / 2]] = [[0.3808]]. Hochreiter and Schmidhuber 1997; Gers et al. 2000.
    """
    # What the input and the state say together, cut into the four parts.
    i, f, g, o = (x + h @ weight.T).chunk(4, dim=-1)
    # The cell keeps a share of what it held, and takes in a share of the candidate; both shares are gates.
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    # The output gate says how much of the cell is shown.
    return o.sigmoid() * c.tanh(), c


def gru_cell(
    x: Float[Tensor, "B gates"],
    h: Float[Tensor, "B H"],
    *,
    weight: Float[Tensor, "gates H"],
    bias: Float[Tensor, "gates"],
) -> Float[Tensor, "B H"]:
    """One step of a gated recurrent unit: the next state.

    `x`, (B, 3H), is the input's share of three parts, with the biases of its own; `weight`, (3H, H), and `bias`, (3H,),
    give the state's share, h weight^T + bias. The rows of all stand in the order r, z, n: with shares x_r, x_z, x_n of
    the input and h_r, h_z, h_n of the state

        r = sigmoid(x_r + h_r)          reset: how much of the state's share the candidate sees
        z = sigmoid(x_z + h_z)          update: how much of the state stays
        n = tanh(x_n + r * h_n)         candidate
        h' = (1 - z) * n + z * h

    What came is not changed. With x = [[0, 0, 0]], h = [[2]], weight = [[0], [0], [0]] and bias = [0, 0, 0] both gates
    are 1/2 and the candidate is 0: h' = [[1]]. Cho et al. 2014; as in PyTorch the reset gate acts on the state's share,
    where the paper lets it act on the state itself.
    """
    # The shares of the input and of the state, each cut into reset gate, update gate and candidate.
    x_r, x_z, x_n = x.chunk(3, dim=-1)
    h_r, h_z, h_n = F.linear(h, weight, bias).chunk(3, dim=-1)
    # The reset gate decides how much of the past enters the candidate.
    n = (x_n + (x_r + h_r).sigmoid() * h_n).tanh()
    # The update gate mixes the candidate with the state as it was.
    z = (x_z + h_z).sigmoid()
    return (1 - z) * n + z * h


class Recurrent(nn.Module, ABC):
    """Layers of one kind of cell: (B, T, in_dim) to (B, T, dim), twice as wide where they are bidirectional."""

    parts: ClassVar[int]  # of dim numbers each, that the input and the state say something about
    states: ClassVar[int] = 1  # tensors in a state

    def __init__(
        self, in_dim: int, dim: int, *, depth: int = 1, bidirectional: bool = False, dropout: float = 0.0
    ) -> None:
        """`dropout` acts between layers, in training."""
        super().__init__()
        if min(in_dim, dim, depth) < 1:
            raise ValueError(f"in_dim={in_dim}, dim={dim} and depth={depth} must be at least 1")
        self.dim, self.depth, self.bidirectional = dim, depth, bidirectional
        self.dropout = nn.Dropout(dropout)
        for layer in range(depth):
            width = in_dim if layer == 0 else dim * self.directions
            for end in self.ends(layer):
                for name, shape in (("ih", (self.parts * dim, width)), ("hh", (self.parts * dim, dim))):
                    self.register_parameter(f"weight_{name}_{end}", nn.Parameter(torch.empty(shape)))
                    self.register_parameter(f"bias_{name}_{end}", nn.Parameter(torch.empty(shape[0])))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(dim**-0.5), dim**-0.5)

    @property
    def directions(self) -> int:
        """2 where every layer reads from both ends."""
        return 2 if self.bidirectional else 1

    def ends(self, layer: int) -> list[str]:
        """What the names of a layer's parameters end in: one for each direction."""
        return [f"l{layer}", f"l{layer}_reverse"][: self.directions]

    @abstractmethod
    def share(self, x: Float[Tensor, "B T I"], end: str) -> Float[Tensor, "B T P"]:
        """What the input of every step adds to the parts of the cell."""

    @abstractmethod
    def cell(self, x: Float[Tensor, "B P"], state: State, end: str) -> State:
        """One step."""

    def forward(
        self,
        x: Float[Tensor, "B T I"],
        state: State | None = None,
        *,
        lengths: Int[Tensor, "B"] | None = None,
    ) -> tuple[Float[Tensor, "B T O"], State]:
        """The hidden state at every step, and the state at the end, each tensor (depth * directions, B, dim).

        Without `state` it begins at 0. `lengths` says how many steps of each sequence are real, from the first on.
        """
        if x.shape[1] < 1:
            raise ValueError(f"x has the shape {tuple(x.shape)}, and a sequence needs at least 1 step")
        # While a graph is traced, and on the meta device, lengths have no values to look at.
        unknown = lengths is None or lengths.is_meta or torch.compiler.is_compiling()
        if lengths is not None and not unknown and (lengths > x.shape[1]).any():
            raise ValueError(f"a length of {int(lengths.max())} is more than the {x.shape[1]} steps of x")
        real = None if lengths is None else torch.arange(x.shape[1], device=x.device) < lengths[:, None]
        if real is not None:
            x = x.masked_fill(~real[:, :, None], 0)  # even nan in the padding reaches nobody
        if state is None:
            state = (x.new_zeros(self.depth * self.directions, x.shape[0], self.dim),) * self.states
        last: list[State] = []
        for layer in range(self.depth):
            x = self.dropout(x) if layer else x
            read = []
            for backward, end in enumerate(self.ends(layer)):
                begin = tuple(each[len(last)] for each in state)
                states, at_end = self.read(x, begin, end, real, backward=bool(backward))
                read.append(states)
                last.append(at_end)
            x = torch.cat(read, dim=-1) if self.bidirectional else read[0]
        return x, tuple(torch.stack(each) for each in zip(*last, strict=True))

    def read(
        self, x: Float[Tensor, "B T I"], state: State, end: str, real: Tensor | None, *, backward: bool
    ) -> tuple[Float[Tensor, "B T H"], State]:
        """One layer in one direction. Read backward, a short sequence waits in its first state until its end comes."""
        shares = self.share(x, end).unbind(dim=1)
        states: list[Tensor] = []
        for t in reversed(range(len(shares))) if backward else range(len(shares)):
            new = self.cell(shares[t], state, end)
            if real is not None:
                new = tuple(torch.where(real[:, t, None], a, b) for a, b in zip(new, state, strict=True))
            state = new
            states.append(state[0])
        out = torch.stack(states[::-1] if backward else states, dim=1)
        return (out if real is None else out.masked_fill(~real[:, :, None], 0)), state

    def weight(self, name: str, end: str) -> Tensor:
        """A parameter by its name and its layer."""
        return cast(Tensor, getattr(self, f"{name}_{end}"))


class RNN(Recurrent):
    """Layers of `rnn_cell`. `identity` starts a relu network as a sum of its inputs: Le et al. 2015."""

    parts: ClassVar[int] = 1

    def __init__(
        self,
        in_dim: int,
        dim: int,
        *,
        depth: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        identity: bool = False,
    ) -> None:
        super().__init__(in_dim, dim, depth=depth, bidirectional=bidirectional, dropout=dropout)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f'nonlinearity="{nonlinearity}" is none of "tanh" and "relu"')
        self.nonlinearity: Literal["tanh", "relu"] = nonlinearity
        for name, parameter in self.named_parameters() if identity else ():
            if name.startswith("weight_hh"):
                nn.init.eye_(parameter)
            elif name.startswith("weight_ih"):
                nn.init.normal_(parameter, std=0.001)
            else:
                nn.init.zeros_(parameter)

    def share(self, x: Float[Tensor, "B T I"], end: str) -> Float[Tensor, "B T P"]:
        return F.linear(x, self.weight("weight_ih", end), self.weight("bias_ih", end) + self.weight("bias_hh", end))

    def cell(self, x: Float[Tensor, "B P"], state: State, end: str) -> State:
        return (rnn_cell(x, *state, weight=self.weight("weight_hh", end), nonlinearity=self.nonlinearity),)


class LSTM(Recurrent):
    """Layers of `lstm_cell`. A `forget_bias` of 1 or more opens the forget gates at the start: Gers et al. 2000."""

    parts: ClassVar[int] = 4
    states: ClassVar[int] = 2

    def __init__(
        self,
        in_dim: int,
        dim: int,
        *,
        depth: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        forget_bias: float = 0.0,
    ) -> None:
        super().__init__(in_dim, dim, depth=depth, bidirectional=bidirectional, dropout=dropout)
        for name, parameter in self.named_parameters():
            if name.startswith("bias_ih"):
                parameter.data[dim : 2 * dim] += forget_bias

    def share(self, x: Float[Tensor, "B T I"], end: str) -> Float[Tensor, "B T P"]:
        return F.linear(x, self.weight("weight_ih", end), self.weight("bias_ih", end) + self.weight("bias_hh", end))

    def cell(self, x: Float[Tensor, "B P"], state: State, end: str) -> State:
        return lstm_cell(x, *state, weight=self.weight("weight_hh", end))


class GRU(Recurrent):
    """Layers of `gru_cell`."""

    parts: ClassVar[int] = 3

    def share(self, x: Float[Tensor, "B T I"], end: str) -> Float[Tensor, "B T P"]:
        return F.linear(x, self.weight("weight_ih", end), self.weight("bias_ih", end))

    def cell(self, x: Float[Tensor, "B P"], state: State, end: str) -> State:
        return (gru_cell(x, *state, weight=self.weight("weight_hh", end), bias=self.weight("bias_hh", end)),)


KINDS: dict[str, type[Recurrent]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
