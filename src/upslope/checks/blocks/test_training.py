"""What training_step must do."""

import numpy as np
import torch
from torch import nn

from upslope.blocks import training
from upslope.checks import grades, wrong
from upslope.checks.blocks.tensors import holding, tensor
from upslope.checks.expect import close, equal, tensor_of, true
from upslope.checks.samples import some


class Descent:
    """Gradient descent, as plain as it gets, that writes down what is asked of it."""

    def __init__(self, model, lr=0.1, events=None):
        self.model, self.lr = model, lr
        self.events = [] if events is None else events

    def zero_grad(self, **_):
        self.events.append("zero_grad")
        for parameter in self.model.parameters():
            parameter.grad = None

    def step(self):
        self.events.append("step")
        with torch.no_grad():
            for parameter in self.model.parameters():
                if parameter.grad is not None:
                    parameter -= self.lr * parameter.grad


def half_square(outputs, labels):
    """Half the squared error of each sample, on average."""
    return (outputs - labels).square().sum() / (2 * len(labels))


def times(w, dtype=torch.float64):
    """The model w * x."""
    return holding(nn.Linear(1, 1, bias=False), {"weight": [[w]]}).to(dtype)


X, Y = tensor([[3.0]]), tensor([[5.0]])
WORDS = "w * x with w = 2 on input 3, label 5, half the squared error, lr 0.1"


@grades(training.training_step)
def test_shape_and_dtype(rng):
    """a scalar tensor of the model's dtype, cut from the graph"""
    for dtype in (torch.float32, torch.float64):
        model, data = times(2.0, dtype), (X.to(dtype), Y.to(dtype))
        out = training.training_step(model, *data, loss=half_square, optimizer=Descent(model))
        kind = str(dtype).removeprefix("torch.")
        tensor_of(out, (), dtype=kind, case=f"{WORDS}, in {kind}")
        problem = "the loss still holds the graph of the step, and with it all that the step computed"
        true(not out.requires_grad, problem, case=WORDS)


@grades(training.training_step)
def test_order(rng):
    """forward, loss(outputs, labels), backward, step; zero_grad before backward"""
    events: list[str] = []
    model = times(2.0)
    model.register_forward_hook(lambda *_: events.append("forward"))
    given = []

    def loss(outputs, labels):
        events.append("loss")
        given.append((outputs.tolist(), labels.tolist()))
        return half_square(outputs, labels)

    def backward(error):
        events.append("backward")
        error.backward()

    training.training_step(model, X, Y, loss=loss, optimizer=Descent(model, events=events), backward=backward)
    problem = "other calls than those of a step, or in another order"
    case = "the calls of one step, zero_grad left out"
    others = [event for event in events if event != "zero_grad"]
    equal(others, ["forward", "loss", "backward", "step"], case=case, problem=problem)
    early = events.count("zero_grad") == 1 and events.index("zero_grad") < events.index("backward")
    true(early, "zero_grad belongs before backward, once", case="the calls of one step", got=", ".join(events))
    equal(given, [([[6.0]], [[5.0]])], case="what loss(outputs, labels) was given")


@grades(training.training_step)
def test_by_hand(rng):
    """w = 2, input 3, label 5: the loss is 0.5, and lr 0.1 leaves w = 1.7"""
    model = times(2.0)
    out = training.training_step(model, X, Y, loss=half_square, optimizer=Descent(model))
    close(out, 0.5, case=f"{WORDS}: the loss before the change")
    close(model.weight, [[1.7]], case=f"{WORDS}: w after the step")


@grades(training.training_step)
def test_several_steps(rng):
    """several steps: every loss and every weight, beside descent in NumPy"""
    weight = some(rng, 1, 3)
    model = holding(nn.Linear(3, 1, bias=False), {"weight": weight})
    optimizer = Descent(model)
    for step in range(1, 5):
        x, y = some(rng, 4, 3), some(rng, 4, 1)
        out = training.training_step(model, tensor(x), tensor(y), loss=half_square, optimizer=optimizer)
        off = x @ weight.T - y
        weight = weight - 0.1 * off.T @ x / len(x)
        close(out, np.square(off).sum() / 8, case=f"linear model of 3 inputs, 4 samples, loss of step {step}")
        close(model.weight, weight, case=f"linear model of 3 inputs, weights after step {step}")


@grades(training.training_step)
def test_old_gradients(rng):
    """gradients that were there before do not count"""
    model = times(2.0)
    model.weight.grad = tensor([[100.0]])
    training.training_step(model, X, Y, loss=half_square, optimizer=Descent(model))
    close(model.weight, [[1.7]], case=f"{WORDS}, with a gradient of 100 left from before: w after the step")


@grades(training.training_step)
def test_backward(rng):
    """a backward of the caller's own takes the place of loss.backward()"""
    model = times(2.0)

    def doubled(error):
        (2 * error).backward()

    out = training.training_step(model, X, Y, loss=half_square, optimizer=Descent(model), backward=doubled)
    close(model.weight, [[1.4]], case=f"{WORDS}, with a backward that doubles: w after the step")
    close(out, 0.5, case=f"{WORDS}, with a backward that doubles: the loss")


wrong(
    training.training_step,
    {
        "the gradients are forgotten between backward and step, so nothing moves": (
            """optimizer.zero_grad()
    # Forward: what the model says, and how wrong it is.
    error = loss(model(inputs), labels)
    # Backward: from the loss to every parameter.
    backward(error)
""",
            """error = loss(model(inputs), labels)
    backward(error)
    optimizer.zero_grad()
""",
        ),
        "the gradients of earlier steps are never forgotten; they add up": ("optimizer.zero_grad()", "pass"),
        "the loss comes back with its graph: whoever keeps it keeps the whole step in memory": (
            "error.detach()",
            "error",
        ),
        "the loss is computed again, after the change": (
            "return error.detach()",
            "return loss(model(inputs), labels).detach()",
        ),
        "outputs and labels are handed to the loss the wrong way round": (
            "loss(model(inputs), labels)",
            "loss(labels, model(inputs))",
        ),
        "model.forward is called directly, past the hooks": (
            "loss(model(inputs), labels)",
            "loss(model.forward(inputs), labels)",
        ),
        "the backward that was given is not used": ("backward(error)", "error.backward()"),
        "the step is taken before backward, so it follows the gradients of the step before": (
            """backward(error)
    # One move against the gradients.
    optimizer.step()
""",
            """optimizer.step()
    backward(error)
""",
        ),
    },
)
