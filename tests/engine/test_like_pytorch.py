"""Where the engine once differed from PyTorch, or took in silence what PyTorch refuses: each kind with its siblings."""

import warnings

import numpy as np
import pytest

from upslope.scratch import nn, ops, optim
from upslope.scratch.tape import no_grad
from upslope.scratch.tensor import Tensor


def leaf(*numbers):
    return Tensor(np.array(numbers, dtype=np.float64), requires_grad=True)


@pytest.mark.parametrize(
    "use", [lambda x, y: x * x + y, lambda x, y: x.exp() * y, lambda x, y: (x * 2).expand(3, 2) * y - x]
)
def test_one_number_beside_many_gets_an_array_as_its_gradient(same_as_torch, use):
    same_as_torch(use, use, np.array(2.0), np.array([1.0, 2.0]))
    x = Tensor(2.0, requires_grad=True)
    use(x, Tensor([1.0, 2.0])).sum().backward()
    assert type(x.grad) is np.ndarray


# Whatever an operation keeps for backward: labels, ids, places, masks, constants.
def kept():
    labels, mask, target = np.array([0, 2]), np.array([True, False]), np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    return [
        (labels, lambda x, a: ops.cross_entropy(x, a)),
        (labels, lambda x, a: ops.nll_loss(x, a)),
        (labels, lambda x, a: ops.embedding(a, x.T).sum()),
        (labels, lambda x, a: x[:, a].sum()),
        (labels, lambda x, a: ops.one_hot(a, 3).double().data @ x.T),
        (mask, lambda x, a: x[a].sum()),
        (mask, lambda x, a: ops.where(a, x.T, x.T * 2).sum()),
        (target, lambda x, a: (x * a).sum()),
        (target, lambda x, a: (a / x).sum()),
        (target.T.copy(), lambda x, a: (x @ a).sum()),
        (target, lambda x, a: ops.mse_loss(x, a)),
        (target, lambda x, a: ops.binary_cross_entropy_with_logits(x, a)),
    ]


# Tensors that backward reads itself: their change is refused, as in PyTorch. All else has been copied.
READ_BY_BACKWARD = (7, 9, 11)


@pytest.mark.parametrize("which", range(12))
@pytest.mark.parametrize("as_tensor", [False, True], ids=["array", "tensor"])
def test_what_is_changed_before_backward_gives_the_old_gradient_or_is_refused(which, as_tensor):
    gradients = []
    for change in (False, True):
        array, operation = kept()[which]
        x = Tensor(np.array([[0.5, 1.0, 1.5], [2.0, 2.5, 3.0]]), requires_grad=True)
        given = Tensor(array.copy()) if as_tensor else array.copy()
        loss = operation(x, given).sum()
        if change:
            given[...] = 1 - array if array.dtype != bool else ~array
        if change and as_tensor and which in READ_BY_BACKWARD:
            with pytest.raises(RuntimeError, match="changed in place"):
                loss.backward()
            return
        loss.backward()
        gradients.append(x.grad)
    assert np.array_equal(*gradients)


@pytest.mark.parametrize(
    "stops",
    [
        lambda x: x.relu(), lambda x: x.clamp(0), lambda x: x.clamp(0, 9), lambda x: x.maximum(x.detach() * 0),
        lambda x: -(-x).minimum(x.detach() * 0), lambda x: x**0 - 1, lambda x: x.max() - x.detach().abs(),
        lambda x: x.relu().min(0).values, lambda x: x.relu()[[0, 1]], lambda x: x.relu().reshape(1, 2).T,
    ],
)  # fmt: skip
def test_an_infinite_gradient_that_is_stopped_is_0(stops):
    """The slope of sqrt at 0 is infinite, and 0 * inf is nan; PyTorch says what comes back."""
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    numbers = [-1.0, 4.0]
    x, t = leaf(*numbers), torch.tensor(numbers, dtype=torch.float64, requires_grad=True)
    stops(x).sqrt().sum().backward()
    stops(t).sqrt().sum().backward()
    np.testing.assert_array_equal(x.grad, t.grad.numpy())


def test_an_infinite_gradient_goes_to_the_largest_of_a_window_alone():
    x = Tensor(np.array([[[[0.0, -1.0]]]]), requires_grad=True)
    ops.max_pool2d(x.expand(1, 1, 2, 2), 2).sqrt().sum().backward()
    assert x.grad.tolist() == [[[[np.inf, 0]]]]


def test_division_by_zero_and_roots_of_negative_numbers_are_answers_without_warnings():
    for operation in (
        lambda x: 1 / x,
        lambda x: x / x,
        lambda x: (x - 1).sqrt(),
        Tensor.log,
        Tensor.sqrt,
        lambda x: x**-1,
    ):
        operation(leaf(0.0, 1.0)).sum().backward()


SCORES = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("attempt", "kind", "words"),
    [
        *[
            case
            for loss in (ops.nll_loss, ops.cross_entropy)
            for case in [
                (
                    lambda loss=loss: loss(Tensor(SCORES), [0, -1]),
                    ValueError,
                    r"2 labels from 0 to 2, got the label -1",
                ),
                (lambda loss=loss: loss(Tensor(SCORES), [0, 3]), ValueError, r"got the label 3"),
                (lambda loss=loss: loss(Tensor(SCORES), [0]), ValueError, r"got labels of shape \(1,\)"),
                (lambda loss=loss: loss(Tensor(SCORES), [True, False]), ValueError, r"no integers but bool"),
                (lambda loss=loss: loss(Tensor(SCORES), Tensor([0, 2])), ValueError, r'float32 .*dtype="int64"'),
            ]
        ],
        (lambda: ops.nll_loss(Tensor([1.0]), [0]), ValueError, r"\(B, C\), got shape \(1,\)"),
        (lambda: ops.one_hot([5], 3), ValueError, "from 0 to 2 with num_classes=3, got 5"),
        (lambda: ops.one_hot([-1], 3), ValueError, "got -1"),
        (lambda: ops.one_hot([True], 3), TypeError, "integers, got bool"),
        (lambda: ops.embedding([True], Tensor(SCORES)), TypeError, "integers, got bool"),
        (lambda: Tensor(SCORES)[Tensor([0, 1])], IndexError, r'float32 .*dtype="int64"'),
        (lambda: Tensor(SCORES)[1.5], IndexError, "got float64"),
        (lambda: Tensor(SCORES)[::-1], ValueError, "forwards, got step -1"),
        (lambda: Tensor(SCORES)[:, np.array([True, False])], IndexError, r"mask of shape \(2,\) .* dimension 1"),
        (lambda: ops.where(Tensor(SCORES), 1.0, Tensor(SCORES)), TypeError, "made of bools, got float64"),
        (lambda: 1 - (Tensor(SCORES) > 0), TypeError, "bools are not subtracted"),
        (
            lambda: ops.binary_cross_entropy_with_logits(Tensor(SCORES), Tensor([1.0])),
            ValueError,
            r"\(2, 3\) and \(1,\)",
        ),
        (
            lambda: Tensor(np.array([1, 2])).var(),
            TypeError,
            r"var needs floats, got int64; write x\.float\(\)\.var\(\)",
        ),
        (lambda: Tensor(SCORES[:0]).max(), IndexError, r"max: .* of none"),
        (lambda: Tensor(SCORES).sum(dim=(0, -2)), ValueError, r"each dimension once, got dim=\(0, -2\)"),
        (lambda: Tensor(SCORES).expand(3), ValueError, r"\(2, 3\) does not stretch to \(3,\)"),
        (lambda: Tensor(SCORES).permute(1), ValueError, r"each of its 2 dimensions once, got \(1,\)"),
        (lambda: Tensor(SCORES).flatten(1, 0), ValueError, "start_dim=1 stands after end_dim=0"),
        (lambda: ops.linear(Tensor(SCORES), Tensor([1.0])), ValueError, r"\(2, 3\).*\(1,\)"),
        (lambda: ops.cat([]), ValueError, "cat needs tensors"),
        (lambda: range(Tensor(1.5)), TypeError, "float32"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(attempt, kind, words):
    with pytest.raises(kind, match=words):
        attempt()


@pytest.mark.parametrize("make", [lambda p: optim.SGD(p, lr=0.1), optim.Adam, optim.AdamW])
def test_optimizers_refuse_what_they_cannot_change_once(make):
    p, q = leaf(1.0), leaf(2.0)
    for params, kind, words in (
        ([q, p, q], ValueError, r"parameter 2 of shape \(1,\) is parameter 0 once more"),
        (p, TypeError, r"one tensor of shape \(1,\); write \[p\]"),
        ([p.data], TypeError, "got ndarray as parameter 0"),
        ([p * 2], ValueError, "parameter 0 of shape .* result of an operation"),
    ):
        with pytest.raises(kind, match=words):
            make(params)


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize("numbers", [[], [3.0]])
def test_the_spread_of_one_number_is_nan_with_a_warning(name, numbers):
    x = Tensor(np.array(numbers), requires_grad=True)
    with pytest.warns(UserWarning, match=rf"{name} over {len(numbers)} number.* no degrees of freedom") as said:
        y = getattr(x, name)()
    assert said[0].filename == __file__
    assert np.isnan(y.item())
    y.backward()
    assert np.isnan(x.grad).all()


def test_shapes_that_broadcast_in_a_loss_are_warned_of():
    with pytest.warns(UserWarning, match=r"mse_loss: shapes \(2, 1\) and \(2,\) broadcast"):
        ops.mse_loss(Tensor([[1.0], [2.0]]), Tensor([1.0, 2.0]))
    assert ops.mse_loss(Tensor([1.0, 3.0]), 1.0).item() == 2


def test_losses_over_nothing_are_nan():
    x = Tensor(np.zeros((0, 3)), requires_grad=True)
    for loss in (
        ops.mse_loss(x, x.data),
        ops.binary_cross_entropy_with_logits(x, x.data),
        ops.nll_loss(x, []),
        x.mean(),
    ):
        assert np.isnan(loss.item())
        loss.backward()
        assert x.grad.shape == (0, 3)


def test_integers_stay_integers():
    ids = Tensor(np.array([2, 0, 1]))
    for kept in (ids[0], ids[:2], ids.sum(), ids.cumsum(0), ids + 1, ids * True, -ids, ops.cat([ids, ids]), ids.max()):
        assert kept.dtype == np.int64
    assert Tensor(np.array([200, 100], dtype=np.uint8)).sum().item() == 300
    assert (Tensor(np.array([True, True])) + 1).tolist() == [2, 2]
    table = Tensor(np.arange(6.0).reshape(3, 2))
    assert table[ids].tolist() == ops.embedding(ids, table).tolist() == [[4, 5], [0, 1], [2, 3]]
    assert ["a", "b", "c"][ids[0]] == "c"
    assert list(range(ids[2])) == [0]


def test_single_numbers_do_not_widen_arrays():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * Tensor(np.array(2.0))
    assert y.dtype == ops.cat([x, Tensor(np.array([1]))]).dtype == np.float32
    scale = leaf(2.0).sum()
    (x * scale).sum().backward()
    assert x.grad.tolist() == [2, 2]


@pytest.mark.parametrize("operator", ["__iadd__", "__isub__", "__imul__", "__itruediv__", "__ipow__"])
def test_operators_in_place(operator):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    x, t = leaf(1.0, 2.0), torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    look = x.detach()
    with pytest.raises(RuntimeError, match=r"leaf of shape \(2,\).*no_grad"):
        getattr(x, operator)(3)
    with no_grad():
        assert getattr(x, operator)(np.array([3.0, 2.0])) is x
    with torch.no_grad():
        getattr(t, operator)(torch.tensor([3.0, 2.0]))
    assert x.tolist() == look.tolist() == t.tolist()
    assert x.requires_grad
    assert x.is_leaf


def test_weights_learn_under_no_grad():
    w = leaf(1.0)
    for _ in range(50):
        loss = ((w - 3) ** 2).sum()
        w.grad = None
        loss.backward()
        with no_grad():
            w -= 0.2 * w.grad
    assert w.item() == pytest.approx(3)


def test_a_change_in_place_is_noticed_by_backward_and_keeps_shape_and_dtype():
    x, total = leaf(1.0, 2.0), Tensor(0.0)
    y = (x * x).sum()
    with no_grad():
        x += 1
    with pytest.raises(RuntimeError, match="mul needs the numbers"):
        y.backward()
    total += x.sum()  # becomes part of a graph
    assert total.requires_grad
    count = Tensor(np.array([1, 2]))
    for attempt, kind, words in (
        (lambda: count.__iadd__(0.5), TypeError, "keeps the dtype int64, and the result is float32"),
        (lambda: count.__iadd__(np.ones((3, 2), dtype=int)), ValueError, r"keeps the shape \(2,\).*\(3, 2\)"),
        (lambda: Tensor([1.0]).expand(3).__iadd__(1), RuntimeError, "one number in several places"),
        (lambda: Tensor([1.0]).expand(3).__setitem__(0, 1), RuntimeError, "one number in several places"),
    ):
        with pytest.raises(kind, match=words):
            attempt()


def test_numbers_before_arrays_in_an_index(same_as_torch, rng):
    a = rng.standard_normal((2, 3, 4))
    places = np.array([0, 2])
    same_as_torch(lambda x, i: x[0, :, i], lambda x, i: x[0, :, i], a, places)
    same_as_torch(lambda x, i: x[..., i, 1], lambda x, i: x[..., i, 1], a, places)
    same_as_torch(lambda x, i: x[:, i, ..., i], lambda x, i: x[:, i, ..., i], a, places)
    x = Tensor(a.copy())
    x[0, :, places] = 5.0
    assert (x.data[0][:, places] == 5).all()


def test_a_single_number_is_a_view():
    x = Tensor([1.0, 2.0])
    one = x[0]
    one += 4
    assert x.tolist() == [5, 2]


@pytest.mark.parametrize("shape", [(3, 4), (1, 4), (4,), ()])
@pytest.mark.parametrize("name", ["cumsum", "std", "abs", "maximum", "minimum", "argmin"])
def test_operations_that_were_missing(same_as_torch, rng, shape, name):
    a, b = (np.asarray(rng.integers(-2, 3, shape) / 2) for _ in range(2))
    if name in ("maximum", "minimum"):
        same_as_torch(lambda x, y: getattr(x, name)(y), lambda x, y: getattr(x, name)(y), a, b)
    elif name == "abs":
        same_as_torch(lambda x: x.abs(), lambda x: x.abs(), a)
    elif name == "std":
        for kwargs in ({"correction": 0}, {"dim": -1, "correction": 0, "keepdim": True}):
            same_as_torch(lambda x, k=kwargs: x.std(**k), lambda x, k=kwargs: x.std(**k), a)
    else:
        same_as_torch(lambda x: getattr(x, name)(-1), lambda x: getattr(x, name)(-1), a)


def test_numpys_functions_take_the_engines_operations():
    x = leaf(1.0, 4.0)
    for theirs, ours in (
        (np.exp(x), x.exp()), (np.add(1, x), 1 + x), (np.sqrt(x), x.sqrt()), (np.maximum(x, 2), x.maximum(2)),
        (np.ones(2) / x, 1 / x), (np.float64(2) * x, 2 * x), (np.ones((2, 2)) @ x, Tensor(np.ones((2, 2))) @ x),
    ):  # fmt: skip
        assert isinstance(theirs, Tensor)
        assert theirs.requires_grad
        assert theirs.tolist() == ours.tolist()
    assert (np.ones(2) < x).tolist() == [False, True]
    assert np.max(x.detach()) == 4
    assert np.concatenate([x.detach(), x.data]).tolist() == [1, 4, 1, 4]
    assert np.allclose(x.detach(), [1, 4])


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (np.max, r"np\.max knows no gradients.*\(2,\).*write x\.max\(\), or np\.max\(x\.data\)"),
        (np.mean, r"write x\.mean\(\)"),
        (lambda x: np.clip(x, 0, 1), r"write x\.clamp\(\)"),
        (lambda x: np.concatenate([x, x]), r"write ops\.cat\(\.\.\.\)"),
        (np.median, r"write np\.median\(x\.data\)"),
        (np.expm1, r"np\.expm1 knows no gradients"),
        (np.add.reduce, r"np\.add\.reduce knows no gradients"),
    ],
)
def test_numpys_other_functions_say_what_to_write(attempt, words):
    with pytest.raises(TypeError, match=words):
        attempt(leaf(1.0, 2.0))


def test_a_tensor_beside_nothing():
    x = leaf(1.0)
    assert (x == None) is False  # noqa: E711
    assert (x != None) is True  # noqa: E711
    assert x not in [None, "x"]


class Stack(nn.Module):
    def __init__(self, layers):
        self.layers = layers


def test_module_list_is_pytorchs(rng):
    tnn = pytest.importorskip("torch", reason="PyTorch is the oracle").nn

    def made(on):
        layers = on.ModuleList([on.Linear(2, 3), on.ReLU()])
        layers.append(on.Linear(3, 1))
        layers.extend([on.Dropout(0.5)])
        layers.insert(1, on.Tanh())
        layers[-1] = on.Sigmoid()
        return layers

    ours, theirs = made(nn), made(tnn)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [type(part).__name__ for part in ours] == [type(part).__name__ for part in theirs]
    assert len(ours) == len(theirs) == 5
    assert isinstance(ours[1:3], nn.ModuleList)
    assert list(ours[3:].state_dict()) == list(theirs[3:].state_dict())
    net = Stack(ours)
    assert [name for name, _ in net.named_parameters()][:2] == ["layers.0.weight", "layers.0.bias"]
    assert not net.eval().layers[2].training
    with pytest.raises(TypeError, match="holds modules, got int"):
        nn.ModuleList([3])
    with pytest.raises(TypeError, match="list of modules, got ReLU"):
        nn.ModuleList(nn.ReLU())


@pytest.mark.parametrize(
    ("hidden", "words"),
    [
        (lambda: [nn.Linear(2, 2)], r"Stack\.layers is a plain list that holds a Linear, .*write ModuleList"),
        (lambda: (nn.Linear(2, 2),), "plain tuple that holds a Linear"),
        (lambda: {"a": nn.Linear(2, 2)}, "plain dict that holds a Linear"),
        (lambda: [nn.Parameter([1.0])], "plain list that holds a Parameter, .*set each as an attribute"),
    ],
)
def test_modules_in_plain_lists_are_warned_of(hidden, words):
    net = Stack(hidden())
    for look in (net.state_dict, lambda: list(net.parameters())):
        with pytest.warns(UserWarning, match=words):
            assert not look()


def test_a_list_of_parts_that_are_known_is_no_matter():
    net = Stack([])
    net.first = nn.Linear(2, 2)
    net.layers.append(net.first)
    net.sizes = [2, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(net.parameters())) == 2
