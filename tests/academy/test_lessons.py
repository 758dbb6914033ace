"""The lessons: short, complete, in an order that holds, and true where they give a number or say where a part runs."""

import io
import re

import numpy as np
import pytest
from markdown_it import MarkdownIt
from rich.console import Console
from rich.markdown import Markdown

from upslope.academy.lessons import Step, exercises, steps
from upslope.academy.reference import locate
from upslope.cards import discover
from upslope.scratch import nn, ops, optim
from upslope.scratch.scalar import Value
from upslope.scratch.tensor import Tensor

STEPS = pytest.mark.parametrize("step", steps(), ids=lambda step: step.name)
EXERCISES = pytest.mark.parametrize("step", exercises(), ids=lambda step: step.name)


def test_no_exercise_id_is_given_up():
    """Ids are stable: a learner's ticks hang on them."""
    assert {step.exercise for step in exercises()} >= {
        "upslope.scratch.scalar:Value.backward",
        "upslope.scratch.ops:matmul",
        "upslope.scratch.ops:sigmoid",
        "upslope.scratch.ops:relu",
        "upslope.scratch.ops:softmax",
        "upslope.scratch.ops:logsumexp",
        "upslope.scratch.ops:cross_entropy",
        "upslope.scratch.nn:Linear",
        "upslope.scratch.optim:SGD",
        "upslope.scratch.optim:Adam",
        "upslope.scratch.ops:conv2d",
        "upslope.scratch.ops:max_pool2d",
        "upslope.blocks.training:training_step",
        "upslope.blocks.schedules:warmup_cosine",
        "upslope.blocks.losses:smoothed_cross_entropy",
        "upslope.blocks.pooling:global_average_pool",
        "upslope.blocks.residual:BasicBlock",
        "upslope.blocks.residual:Bottleneck",
        "upslope.blocks.depth:stochastic_depth",
        "upslope.blocks.norms:layer_norm",
        "upslope.blocks.attention:scaled_dot_product_attention",
        "upslope.blocks.attention:MultiHeadAttention",
        "upslope.blocks.patches:PatchEmbedding",
        "upslope.blocks.patches:ClassTokenAndPositions",
        "upslope.blocks.transformer:EncoderBlock",
        "upslope.sound.spectrum:power_spectrum",
        "upslope.sound.mel:mel_filter_bank",
        "upslope.sound.log_mel:log_mel",
        "upslope.blocks.audio.spec_augment:spec_augment",
        "upslope.blocks.generative.variational:reparameterize",
        "upslope.blocks.generative.variational:gaussian_kl",
        "upslope.blocks.generative.variational:bernoulli_log_likelihood",
        "upslope.blocks.generative.variational:importance_weighted_bound",
        "upslope.text.bpe:merge",
        "upslope.text.bpe:encode_word",
        "upslope.text.wordpiece:longest_match",
        "upslope.text.viterbi:viterbi",
        "upslope.text.mojibake:misread_characters",
        "upslope.text.porter:step_1",
        "upslope.text.counts:tf_idf",
        "upslope.text.classify.naive_bayes:naive_bayes",
        "upslope.blocks.language.sampling:next_token_probabilities",
        "upslope.blocks.language.kneser_ney:kneser_ney",
        "upslope.text.bits_per_byte:bits_per_byte",
        "upslope.blocks.language.kneser_ney:continuation_counts",
        "upslope.blocks.language.rms_norm:rms_norm",
        "upslope.blocks.language.rotary:rotary_embedding",
        "upslope.blocks.language.muon:newton_schulz",
        "upslope.blocks.language.masks:padding_mask",
        "upslope.blocks.language.sinusoidal:sinusoidal_positions",
        "upslope.blocks.language.relative_buckets:relative_buckets",
        "upslope.blocks.language.swiglu:SwiGLU",
        "upslope.blocks.language.grouped_queries:grouped_query_attention",
        "upslope.blocks.language.cache:extend_buffer",
        "upslope.blocks.language.beam:beam_step",
        "upslope.blocks.play.returns:n_step_return",
        "upslope.blocks.play.returns:discounted_returns",
        "upslope.blocks.play.q_learning:double_dqn_target",
        "upslope.blocks.play.exploration:epsilon_greedy",
        "upslope.image.equalize:equalize",
        "upslope.image.gaussian:gaussian_blur",
        "upslope.image.canny:thin",
        "upslope.image.harris:harris",
        "upslope.image.homography:homography",
        "upslope.image.ransac:ransac",
        "upslope.explain.grad_cam:grad_cam",
        "upslope.explain.integrated_gradients:integrated_gradients",
        "upslope.explain.occlusion:occlusion",
        "upslope.blocks.detection.boxes:box_iou",
        "upslope.blocks.detection.boxes:generalized_iou",
        "upslope.blocks.detection.suppression:nms",
        "upslope.blocks.detection.anchors:encode_boxes",
        "upslope.blocks.detection.anchors:match_anchors",
        "upslope.blocks.detection.focal_loss:sigmoid_focal_loss",
        "upslope.blocks.detection.roi_align:roi_align",
        "upslope.runs.reports.detection.average_precision:average_precision",
        "upslope.image.letterbox:undo_letterbox",
    }


def test_numbers_follow_each_other():
    for level in {step.level for step in steps()}:
        orders = [step.order for step in steps() if step.level == level]
        assert orders == list(range(1, len(orders) + 1))


def test_every_lab_has_its_step():
    assert {step.lab for step in steps() if step.lab} == set(discover("labs"))


@STEPS
def test_a_lesson_fits_on_the_terminal(step: Step):
    for width in (80, 100):
        console = Console(width=width, file=io.StringIO())
        console.print(Markdown(step.body))
        lines = console.file.getvalue().rstrip("\n").split("\n")
        assert len(lines) <= 40, f"{len(lines)} lines at {width} columns"
    code = re.findall(r"```\w*\n(.*?)```", step.body, re.DOTALL)
    assert all(len(line) <= 78 for block in code for line in block.split("\n"))


@STEPS
def test_a_lesson_is_whole(step: Step):
    for passage in ("**By hand.**", "**Think.**"):
        assert step.body.count(passage) == 1, passage
    question = step.body.split("**Think.**")[1].split("\n\n")[0]
    assert "?" in question
    source = step.body.strip().split("\n\n")[-1]
    assert source.startswith("*")
    assert source.endswith("*")
    assert re.search(r"\(\d{4}\)", source), "the source has a year"
    assert 5 <= step.minutes <= 90


@STEPS
def test_the_prose_is_sober(step: Step):
    words = re.findall(r"[a-z]+", step.body.lower())
    hype = {
        "amazing",
        "awesome",
        "simply",
        "magic",
        "magical",
        "powerful",
        "easily",
        "obviously",
        "revolutionary",
        "cool",
    }
    assert not hype & set(words)
    assert "!" not in re.sub(r"```.*?```", "", step.body, flags=re.DOTALL)
    letters = [c for c in step.body if ord(c) > 0x1F000 or 0x2600 <= ord(c) < 0x27C0]
    assert not letters, f"{letters}: no emoji"


@STEPS
def test_a_lesson_is_paragraphs_and_formulas_only(step: Step):
    """A line of prose that happens to begin with + or 1. would be set as a list."""
    kinds = {token.type for token in MarkdownIt().parse(step.body)}
    assert kinds == {"paragraph_open", "inline", "paragraph_close", "fence"}


@STEPS
def test_needs_come_earlier(step: Step):
    before = [other.name for other in steps()[: steps().index(step)]]
    assert set(step.needs) <= set(before)


@EXERCISES
def test_what_an_answer_may_import_is_enough_for_the_reference(step: Step):
    lines = locate(step.exercise).text.split("\n")
    heads = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert set(step.imports) <= heads | {"math", "numpy"}


# The numbers worked by hand are what the library gives. Each case ends in the words that must stand in the lesson.


def gradients(f, *leaves, g):
    """The result of f and the gradients of its leaves for g, as plain lists."""
    tensors = [Tensor(np.array(leaf, dtype=np.float64), requires_grad=True) for leaf in leaves]
    out = f(*tensors)
    out.backward(np.array(g, dtype=np.float64))
    return out.data.tolist(), *(t.grad.tolist() for t in tensors)


def prose(name: str) -> str:
    step = next(step for step in steps() if step.name == name)
    return " ".join(step.body.replace("−", "-").split())


def walk(make, gradients_in_steps):
    p = Tensor(np.array([1.0]), requires_grad=True)
    optimizer = make([p])
    path = []
    for g in gradients_in_steps:
        p.grad = np.array([g])
        optimizer.step()
        path.append(round(float(p.data[0]), 6))
    return path


def test_number_of_backward():
    x = Value(3.0)
    q = x * x
    y = q + x
    y.backward()
    assert (y.data, x.grad, q.grad) == (12.0, 7.0, 1.0)
    assert "y = q + x = 12" in prose("scalar-backward")
    assert "x collects 1 + 3 + 3 = 7" in prose("scalar-backward")


def test_number_of_relu():
    assert gradients(ops.relu, [-2, 0, 3], g=[5, 5, 5]) == ([0, 0, 3], [0, 0, 5])
    assert "x = [-2, 0, 3] gives [0, 0, 3]. If g = [5, 5, 5] comes back, x gets [0, 0, 5]" in prose("relu")


def test_number_of_sigmoid():
    out, slope = gradients(ops.sigmoid, float(np.log(3)), g=2)
    assert (round(out, 9), round(slope, 9)) == (0.75, 0.375)
    assert "so s = 1 / (4/3) = 0.75" in prose("sigmoid")
    assert "If g = 2 comes back, x gets 0.375" in prose("sigmoid")


def test_number_of_matmul():
    out, x, w = gradients(ops.matmul, [[1, 2], [3, 4]], [[5], [6]], g=[[1], [10]])
    assert (out, x, w) == ([[17], [39]], [[5, 6], [50, 60]], [[31], [42]])
    for number in ("Y = [[17], [39]]", "[[5, 6], [50, 60]]", "[[31], [42]]"):
        assert number in prose("matmul")


def test_number_of_linear():
    layer = nn.Linear(2, 2)
    layer.weight.data, layer.bias.data = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 20.0])
    assert layer(Tensor(np.array([1.0, 1.0]))).data.tolist() == [13, 27]
    assert "= [13, 27]" in prose("linear")
    network = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    assert f"{sum(p.numel() for p in network.parameters()):,} weights" in prose("linear")


def test_number_of_logsumexp():
    out, slope = gradients(ops.logsumexp, [0, float(np.log(3))], g=2)
    assert np.allclose([out, *slope], [1.3863, 0.5, 1.5], atol=1e-4)
    assert "lse = ln 4 = 1.3863" in prose("logsumexp")
    assert "x gets [0.5, 1.5]" in prose("logsumexp")


def test_number_of_softmax():
    out, slope = gradients(ops.softmax, [0, float(np.log(3))], g=[1, 0])
    assert np.allclose([*out, *slope], [0.25, 0.75, 0.1875, -0.1875])
    assert "so p = [0.25, 0.75]" in prose("softmax")
    assert "= [0.1875, -0.1875]" in prose("softmax")


def test_number_of_cross_entropy():
    z = [0.0, float(np.log(3))]
    for label, loss, slope, words in (
        (0, 1.3863, [-0.75, 0.75], "L = ln 4 = 1.3863 and the gradient is [-0.75, 0.75]"),
        (1, 0.2877, [0.25, -0.25], "L = ln 4 - ln 3 = 0.2877 and it is [0.25, -0.25]"),
    ):
        out, gradient = gradients(lambda z, label=label: ops.cross_entropy(z, [label]), [z], g=1)
        assert np.allclose([out, *gradient[0]], [loss, *slope], atol=1e-4)
        assert words in prose("cross-entropy")
    both, gradient = gradients(lambda z: ops.cross_entropy(z, [0, 1]), [z, z], g=1)
    assert round(both, 4) == 0.8370
    assert np.allclose(gradient, [[-0.375, 0.375], [0.125, -0.125]])
    assert "loss is 0.8370, and each gradient is halved" in prose("cross-entropy")


def test_number_of_sgd():
    assert walk(lambda p: optim.SGD(p, lr=0.1, momentum=0.9), [2, 2]) == [0.8, 0.42]
    assert walk(lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True), [2, 2]) == [0.62, 0.078]
    assert walk(lambda p: optim.SGD(p, lr=0.1), [2, 2]) == [0.8, 0.6]
    for words in ("v = 2 and p = 0.8", "= 3.8 and p = 0.42", "= 0.62", "= 0.078", "Without momentum: 0.8, then 0.6"):
        assert words in prose("sgd")


def test_number_of_adam():
    first, second = walk(lambda p: optim.Adam(p, lr=0.1), [0.5, -0.1])
    assert round(1 - first, 6) == 0.1
    assert round((first - second) / 0.1, 3) == 0.511
    assert "the step is 0.511·lr" in prose("adam")
    assert round((1 - 0.9) / np.sqrt(1 - 0.999), 1) == 3.2
    assert "= 3.2 times too long" in prose("adam")


def test_number_of_conv2d():
    out, x, w = gradients(ops.conv2d, [[[[1, 2, 3]]]], [[[[1, -1]]]], g=[[[[1, 10]]]])
    assert (out, x, w) == ([[[[-1, -1]]]], [[[[1, 9, -10]]]], [[[[21, 32]]]])
    for number in ("= [-1, -1]", "= [21, 32]", "= [1, 9, -10]", "156 numbers for 4,704 outputs", "3.7 million"):
        assert number in prose("conv2d")
    layer = nn.Conv2d(1, 6, 5, padding=2)
    assert sum(p.numel() for p in layer.parameters()) == 156
    assert layer(Tensor(np.zeros((1, 1, 28, 28), np.float32))).numel() == 4704
    assert round(784 * 4704 / 1e6, 1) == 3.7


def test_number_of_max_pool2d():
    image = [[[[1, 4, 2], [3, 4, 0], [5, 1, 6]]]]
    out, x = gradients(lambda x: ops.max_pool2d(x, 2, stride=1), image, g=[[[[1, 10], [100, 1000]]]])
    assert (out, x) == ([[[[4, 4], [5, 6]]]], [[[[0, 11, 0], [0, 0, 0], [100, 0, 1000]]]])
    assert "gives [[4, 4], [5, 6]]" in prose("max-pool2d")
    assert "x gets [[0, 11, 0], [0, 0, 0], [100, 0, 1000]]" in prose("max-pool2d")


def test_numbers_of_the_labs():
    assert round(float(np.log(10)), 4) == 2.3026
    assert "= 2.3026" in prose("digits-pure")
    z = Tensor(np.array([[0.0, float(np.log(3))]]), requires_grad=True)
    ops.cross_entropy(z, [0]).backward()
    assert np.allclose(z.grad.T @ np.array([[2.0, 0.0]]), [[-1.5, 0], [1.5, 0]])
    assert "[[-1.5, 0], [1.5, 0]]" in prose("digits")
    lenet = (nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5), nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10))
    counts = [sum(p.numel() for p in layer.parameters()) for layer in lenet]
    assert counts == [156, 2416, 48120, 10164, 850]
    assert all(f"= {count:,}" in prose("lenet") for count in counts)
    assert f"Together {sum(counts):,}" in prose("lenet")
