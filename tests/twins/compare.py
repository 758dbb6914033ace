"""Everything that can be compared between the twins on one backend, in one process: prints one line of JSON.

    python tests/twins/compare.py tensorflow

A process of its own because Keras takes one backend for life; a single one because importing it takes seconds.
"""

# ruff: noqa: E402, Keras is imported once its backend is chosen

import json
import os
import random
import sys
from pathlib import Path

os.environ["KERAS_TORCH_DEVICE"] = "cpu"

from upslope.twins.backend import BackendProblem, use

BACKEND = use(sys.argv[1], threads=1)

import keras
import numpy as np
import torch
from torch.nn import functional as F

from upslope.cards import discover
from upslope.models.language import bilstm as torch_bilstm
from upslope.models.language import text_transformer as torch_text_transformer
from upslope.models.vision import lenet as torch_lenet
from upslope.models.vision import mlp as torch_mlp
from upslope.models.vision import resnet as torch_resnet
from upslope.runs.launcher import resume, start
from upslope.runs.run import Run
from upslope.twins import bilstm, lenet, mlp, resnet, text_transformer
from upslope.twins.state import KerasStateArrays
from upslope.twins.trainers import DenseAdam, InKeras, InTorch, as_in_keras
from upslope.twins.transfer import as_torch, numbers, one_bias, to_keras, to_torch

torch.set_num_threads(1)

# name -> the classes, their arguments, and the height and width of a picture, or the length of a text
MLP, LSTM = (torch_mlp.MLP, mlp.MLP), (torch_bilstm.BiLSTMClassifier, bilstm.BiLSTMClassifier)
ENCODER = (torch_text_transformer.TextTransformer, text_transformer.TextTransformer)
WORDS = {"vocab_size": 30, "num_classes": 3}
LENET, RESNET = (torch_lenet.LeNet5, lenet.LeNet5), (torch_resnet.ResNet, resnet.ResNet)
SMALL = {"block": "basic", "stem": "cifar", "in_channels": 1, "num_classes": 10}
CASES = {
    "lenet": (LENET, {}, (32, 32)),
    "lenet-modern": (
        LENET,
        {"modern": True, "padding": 2, "in_channels": 3, "num_classes": 7, "channels": (4, 6)},
        (28, 28),
    ),
    "resnet-projection": (RESNET, {**SMALL, "depths": (2, 1, 1), "widths": (4, 8, 12)}, (14, 11)),
    "resnet-padded": (RESNET, {**SMALL, "depths": (1, 2, 1), "widths": (4, 7, 12), "padded": True}, (28, 28)),
    "mlp": (MLP, {"shape": (3, 6, 5), "hidden": (12, 9), "num_classes": 7}, (6, 5)),
    "lstm": (LSTM, {**WORDS, "embedding_dim": 6, "dim": 8}, (9,)),
    "encoder": (
        ENCODER,
        {**WORDS, "context": 11, "dim": 12, "depth": 2, "heads": 3, "dropout": 0.0},
        (9,),
    ),
    "resnet-imagenet": (RESNET, {"depths": (1, 1), "widths": (4, 8), "block": "basic", "num_classes": 5}, (37, 42)),
}
# Enough numbers to see how they were drawn.
WIDER = {
    "lenet": {"channels": (24, 32)},
    "resnet-projection": {"widths": (32, 48, 64)},
    "mlp": {"hidden": (96, 64), "num_classes": 40},
    "lstm": {"vocab_size": 99, "embedding_dim": 32, "dim": 64, "num_classes": 40},
    "encoder": {"vocab_size": 99, "context": 40, "dim": 48, "num_classes": 40},
}


def pair(case, *, seed=0):
    """Both networks; PyTorch's with statistics and scales as after some training, and Keras' with the same.

    Two biases of an LSTM are made one, as in the lab.
    """
    (ours, theirs), arguments, _ = CASES[case]
    torch.manual_seed(seed)
    torch_model, keras_model = ours(**arguments), theirs(**arguments)
    for layer in torch_model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            for tensor, low, high in (
                (layer.running_mean, -1, 1),
                (layer.running_var, 0.5, 2),
                (layer.weight.data, 0.5, 2),
                (layer.bias.data, -1, 1),
            ):
                tensor.uniform_(low, high)
    one_bias(torch_model)
    to_keras(torch_model, keras_model)
    return torch_model, keras_model


def batch(case, *, seed=1, size=6):
    """Random pictures, or texts of several lengths, and labels."""
    _, arguments, shape = CASES[case]
    rng = np.random.default_rng(seed)
    if len(shape) == 1:
        tokens = rng.integers(1, 30, (size, *shape))
        for number, row in enumerate(tokens):
            row[2 + (number * shape[0]) // size :] = 0
        return torch.from_numpy(tokens), torch.from_numpy(rng.integers(0, 3, size))
    channels = arguments.get("in_channels", 1 if "lenet" in case else 3)  # the perceptron's pictures have 3, too
    images = rng.normal(size=(size, channels, *shape)).astype(np.float32)
    labels = rng.integers(0, arguments.get("num_classes", 10), size)
    return torch.from_numpy(images), torch.from_numpy(labels)


def apart(a, b):
    """The largest difference of two dicts of arrays; infinite where they do not name the same."""
    if a.keys() != b.keys():
        return float("inf")
    return max(float(np.abs(a[name] - b[name]).max()) for name in a)


def outputs(case):
    torch_model, keras_model = pair(case)
    images, _ = batch(case)
    with torch.no_grad():
        ours = torch_model.eval()(images).numpy()
    theirs = keras.ops.convert_to_numpy(keras_model(as_in_keras(images), training=False))
    return float(np.abs(ours - theirs).max())


def keras_gradients(model, images, labels):
    """The gradient of the cross-entropy for each trainable variable, in training mode."""
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    if BACKEND == "tensorflow":
        import tensorflow

        with tensorflow.GradientTape() as tape:
            loss = cross_entropy(labels, model(images, training=True))
        found = tape.gradient(loss, [v.value for v in model.trainable_variables])
        return float(loss), [tensorflow.convert_to_tensor(g).numpy() for g in found]  # of embeddings it has rows only
    loss = cross_entropy(labels, model(images, training=True))
    loss.backward()
    return loss.item(), [v.value.grad.numpy() for v in model.trainable_variables]


def training(case):
    """One forward and backward with batch statistics: loss, gradients, and what batch normalisation remembers."""
    torch_model, keras_model = pair(case)
    images, labels = batch(case)
    before = as_torch(keras_model, torch_model)
    counts = {}
    for name, layer in torch_model.named_modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.register_forward_hook(
                lambda _, __, out, name=name: counts.update({name: out.numel() // out.shape[1]})
            )
    loss = F.cross_entropy(torch_model.train()(images), labels)
    loss.backward()
    keras_loss, gradients = keras_gradients(keras_model, as_in_keras(images), labels.numpy())
    ours = {name: p.grad.numpy() for name, p in torch_model.named_parameters() if p.requires_grad}
    theirs = as_torch(keras_model, torch_model, values=gradients)
    after, state = as_torch(keras_model, torch_model), torch_model.state_dict()
    variance, as_it_is = 0.0, 0.0
    for name, n in counts.items():
        old, keras_new = before[f"{name}.running_var"], after[f"{name}.running_var"]
        torch_new = state[f"{name}.running_var"].numpy()
        # PyTorch takes n / (n - 1) times the variance of the batch, Keras the variance.
        expected = 0.9 * old + (torch_new - 0.9 * old) * (n - 1) / n
        variance = max(variance, float(np.abs(keras_new - expected).max()))
        as_it_is = max(as_it_is, float(np.abs(keras_new - torch_new).max()))
    means = [n for n in after if n.endswith("running_mean")]
    return {
        "loss": abs(loss.item() - keras_loss),
        "gradients": apart(ours, theirs),
        "largest gradient": max(float(np.abs(g).max()) for g in ours.values()),
        "smallest gradient": min(float(np.abs(g).max()) for g in ours.values()),
        "running mean": apart({n: after[n] for n in means}, {n: state[n].numpy() for n in means}) if means else 0.0,
        "running mean moved": apart({n: after[n] for n in means}, {n: before[n] for n in means}) if means else 1.0,
        "running variance": variance,
        "running variance as it is": as_it_is,
    }


def round_trip(case):
    """Whether weights that went to Keras and back are the same bits, and the other way round."""
    torch_model, keras_model = pair(case)
    _, other = pair(case, seed=5)
    again = CASES[case][0][0](**CASES[case][1])
    to_torch(keras_model, again)
    to_keras(again, other)
    before, after = torch_model.state_dict(), again.state_dict()
    there = all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    back = all(np.array_equal(numbers(a), numbers(b)) for a, b in zip(keras_model.weights, other.weights, strict=True))
    return there and back


def learning(case, *, as_keras=True, smoothing=0.0, optimizer="sgd", by_hand=False):
    """Three steps with three learning rates: how far the two sides are apart then, and how far they have come."""
    torch_model, keras_model = pair(case)
    start = as_torch(keras_model, torch_model)
    in_torch = InTorch(torch_model, optimizer=optimizer, as_keras=as_keras, smoothing=smoothing)
    in_keras = InKeras(keras_model, optimizer=optimizer, smoothing=smoothing, by_hand=by_hand)
    losses = []
    for step, lr in enumerate((0.02, 0.005, 0.01)):
        images, labels = batch(case, seed=step)
        losses.append(abs(in_torch.learn(images, labels, lr=lr) - in_keras.learn(images, labels, lr=lr)))
    ours = {n: p.detach().numpy() for n, p in torch_model.named_parameters() if p.requires_grad}
    theirs = {n: a for n, a in as_torch(keras_model, torch_model).items() if n in ours}
    return {
        "losses": max(losses),
        "weights": apart(ours, theirs),
        "moved": min(float(np.abs(theirs[n] - start[n]).max()) for n in theirs),
        "steps": in_keras.steps,
    }


def two_biases():
    """PyTorch's own LSTM with both its biases, as it is drawn, beside the Keras one: how far the states are apart."""
    ours = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(5, 4, batch_first=True, bidirectional=True)})
    theirs = keras.Sequential([keras.Input((7, 5))])
    theirs.lstm = keras.layers.Bidirectional(keras.layers.LSTM(4, return_sequences=True))
    theirs.add(theirs.lstm)
    to_keras(ours, theirs)
    x = torch.randn(3, 7, 5)
    states = keras.ops.convert_to_numpy(theirs(x.numpy()))
    before = ours["lstm"](x)[0].detach().numpy()
    one_bias(ours)
    after, state = ours["lstm"](x)[0].detach().numpy(), ours.state_dict()
    return {
        "states": float(np.abs(before - states).max()),
        "of one bias": float(np.abs(after - before).max()),
        "the second": float(sum(state[name].abs().sum() for name in state if "bias_hh" in name)),
    }


def adam_of_rows():
    """A word that stands twice in a batch, after one step of Keras' Adam, of ours and of PyTorch's: the weights."""
    found = {}
    for name, kind in (("keras", keras.optimizers.Adam), ("ours", DenseAdam)):
        words = keras.layers.Embedding(2, 1, embeddings_initializer="zeros")
        model = keras.Sequential([keras.Input((2,), dtype="int32"), words, keras.layers.Flatten()])
        optimizer = kind(0.1, epsilon=1.0)
        model.compile(optimizer=optimizer, loss="mse", jit_compile=False)
        model.train_on_batch(np.array([[1, 1]]), np.array([[-1.0, -1.0]]))
        found[name] = numbers(words.embeddings).ravel().tolist()
    table = torch.zeros(2, 1, requires_grad=True)
    optimizer = torch.optim.Adam([table], lr=0.1, eps=1 / 0.001**0.5)
    F.mse_loss(F.embedding(torch.tensor([[1, 1]]), table).flatten(1), -torch.ones(1, 2)).backward()
    optimizer.step()
    return {**found, "torch": table.flatten().tolist()}


def text_lab(root, model):
    """The smoke run of a network that reads, whole, in few steps."""
    words = [f"model={model}", "epochs=1", f"backend={BACKEND}", "threads=1"]
    result = start(discover("labs")["twins"], words, preset="smoke", root=root / model, quiet=True)
    page = (root / model / "twins-0001" / "index.html").read_text()
    return {**result.metrics, "least": min(result.facts["moved"].values()), "page": "pictures/mistakes.png" in page}


def kept(case):
    """Whether a model that gets the state of another one goes on as that one does, to the bit."""
    first, second = (InKeras(pair(case, seed=seed)[1]) for seed in (0, 7))
    state, other = KerasStateArrays(first.model), KerasStateArrays(second.model)
    first.learn(*batch(case, seed=1), lr=0.02)
    other.load_state_dict(state.state_dict())
    for side in (first, second):
        side.learn(*batch(case, seed=2), lr=0.01)
    variables = ((*side.model.variables, *side.optimizer.variables) for side in (first, second))
    return all(np.array_equal(numbers(a), numbers(b)) for a, b in zip(*variables, strict=True))


def drawn(case):
    """For each parameter of both fresh networks its standard deviation and its largest size."""
    (ours, theirs), arguments, _ = CASES[case]
    torch.manual_seed(3)
    random.seed(3)  # which Keras draws its seeds from
    torch_model, keras_model = ours(**{**arguments, **WIDER[case]}), theirs(**{**arguments, **WIDER[case]})
    theirs = as_torch(keras_model, torch_model)
    return {
        name: [[float(a.std()), float(np.abs(a).max()), a.size] for a in (p.detach().numpy(), theirs[name])]
        for name, p in torch_model.named_parameters()
    }


def refusals():
    """The sentences of what is refused."""
    encoder = pair("encoder")[1]
    attempts = {
        "another shape": lambda: to_keras(torch_lenet.LeNet5(num_classes=7), lenet.LeNet5()),
        "flattened": lambda: to_keras(torch_lenet.LeNet5(channels=(6, 8)), lenet.LeNet5(channels=(6, 16))),
        "deeper in torch": lambda: to_keras(
            torch_resnet.ResNet(**SMALL, depths=(2,), widths=(4,)), resnet.ResNet(**SMALL, depths=(1,), widths=(4,))
        ),
        "deeper in keras": lambda: to_torch(
            resnet.ResNet(**SMALL, depths=(2,), widths=(4,)), torch_resnet.ResNet(**SMALL, depths=(1,), widths=(4,))
        ),
        "another network": lambda: to_keras(torch_lenet.LeNet5(), resnet.ResNet(**SMALL, depths=(1,), widths=(4,))),
        "bottleneck": lambda: resnet.ResNet(block="bottleneck", depths=(1,), widths=(4,)),
        "stages": lambda: resnet.ResNet(depths=(1, 1), widths=(4,)),
        "a part without weights": lambda: to_keras(torch.nn.ModuleDict({"mean": torch.nn.Linear(2, 3)}), encoder),
        "no such weight": lambda: to_keras(torch.nn.ModuleDict({"embedding": torch.nn.Linear(12, 30)}), encoder),
        "another backend": lambda: use("torch" if BACKEND == "tensorflow" else "tensorflow"),
    }
    said = {}
    for name, attempt in attempts.items():
        try:
            attempt()
        except (ValueError, BackendProblem) as error:
            said[name] = str(error)
    return said


def lab(root):
    """The smoke run, whole and with an interruption in the middle of a turn: the sha256 of what each leaves."""
    found = discover("labs")["twins"]
    module = found.load()
    module.draw = lambda *args, **kwargs: None
    words = ["epochs=2", f"backend={BACKEND}", "threads=1"]
    whole = start(found, words, preset="smoke", root=root / "whole", quiet=True)
    log, steps = Run.log, Run.steps

    def interrupted(self, step, **metrics):
        log(self, step, **metrics)
        if step >= 33:
            raise KeyboardInterrupt

    Run.log = interrupted
    Run.steps = lambda self, total, **words: steps(self, total, **words, checkpoint_steps=15)
    try:
        start(found, words, preset="smoke", root=root / "parts", quiet=True)
    except KeyboardInterrupt:
        Run.log = log
    parts = resume("twins-0001", root=root / "parts", quiet=True)
    page = (root / "whole" / "twins-0001" / "index.html").read_text()
    return {
        "whole": whole.files | whole.metrics,
        "parts": parts.files | parts.metrics,
        "resumed": parts.resumed,
        "keras_on": whole.facts["keras_on"],
        "seconds": [parts.facts["seconds_of_training"][side] for side in ("PyTorch", "Keras")],
        "page": [words in page for words in ("class LeNet5(nn.Module)", "class LeNet5(keras.Model)")],
    }


report = {
    "backend": keras.config.backend(),
    "cases": {
        case: {"outputs": outputs(case), "training": training(case), "round trip": round_trip(case)} for case in CASES
    },
    "learning": {case: learning(case) for case in ("lenet", "resnet-projection", "mlp", "lstm", "encoder")},
    "learning smoothed": learning("lstm", smoothing=0.1),
    "learning in its own form": learning("lenet", as_keras=False),
    "learning by adam": {case: learning(case, optimizer="adam") for case in ("lstm", "encoder")},
    "learning by hand": [
        learning(case, optimizer=optimizer, smoothing=smoothing, by_hand=True)
        for case, optimizer, smoothing in (("resnet-projection", "sgd", 0.0), ("lstm", "adam", 0.1))
        if BACKEND == "torch"
    ],
    "adam of rows": adam_of_rows(),
    "adam in its own form": learning("lstm", optimizer="adam", as_keras=False),
    "kept": {case: kept(case) for case in ("lenet", "resnet-padded", "encoder")},
    "drawn": {case: drawn(case) for case in WIDER},
    "two biases": two_biases(),
    "refusals": refusals(),
    "lab": lab(Path(sys.argv[2])),
    "text lab": {model: text_lab(Path(sys.argv[2]), model) for model in ("lstm", "encoder")},
}
print(json.dumps(report))
