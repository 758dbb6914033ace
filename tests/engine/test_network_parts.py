"""Activations, probabilities, losses, normalisation, dropout and embeddings, against PyTorch."""

import numpy as np
import pytest
from scipy import special

from upslope.scratch import ops
from upslope.scratch.tensor import Tensor


@pytest.fixture
def F():
    return pytest.importorskip("torch", reason="PyTorch is the oracle of these tests").nn.functional


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("leaky_relu", {}), ("leaky_relu", {"negative_slope": 0.2}), ("elu", {}), ("elu", {"alpha": 0.5}), ("silu", {}),
        ("softplus", {}), ("gelu", {}), ("gelu", {"approximate": "tanh"}), ("tanh", {}), ("sigmoid", {}), ("relu", {}),
    ],
)  # fmt: skip
def test_activations(same_as_torch, F, rng, name, kwargs):
    a = rng.standard_normal((4, 7)) * 4
    same_as_torch(lambda x: getattr(ops, name)(x, **kwargs), lambda x: getattr(F, name)(x, **kwargs), a)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "silu", "softplus", "relu", "elu"])
def test_activations_bear_extreme_numbers(name):
    x = Tensor(np.array([-1000.0, -100.0, 100.0, 1000.0], dtype=np.float32), requires_grad=True)
    y = getattr(ops, name)(x)
    y.sum().backward()
    assert np.isfinite(y.data).all()
    assert np.isfinite(x.grad).all()


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_probabilities(same_as_torch, rng, name, dim):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    a = rng.standard_normal((3, 4, 5)) * 5
    same_as_torch(lambda x: getattr(ops, name)(x, dim), lambda x: getattr(torch, name)(x, dim), a)
    if name == "logsumexp":
        same_as_torch(lambda x: x.logsumexp(dim, keepdim=True), lambda x: x.logsumexp(dim, keepdim=True), a)


def test_probabilities_of_huge_scores():
    scores = np.array([[1000.0, 1001.0, -1000.0], [-1000.0, -1000.0, -1000.0]])
    x = Tensor(scores)
    np.testing.assert_allclose(ops.softmax(x).data, special.softmax(scores, axis=-1))
    np.testing.assert_allclose(ops.logsumexp(x).data, special.logsumexp(scores, axis=-1))
    np.testing.assert_allclose(ops.log_softmax(x).data, special.log_softmax(scores, axis=-1))
    short = Tensor(scores.astype(np.float32))
    np.testing.assert_allclose(ops.logsumexp(short).data, special.logsumexp(scores, axis=-1), rtol=1e-6)


def test_minus_infinity_is_an_impossible_score():
    inf = np.inf
    assert ops.softmax(Tensor([-inf, 0.0, 0.0])).tolist() == [0, 0.5, 0.5]
    assert ops.logsumexp(Tensor([-inf, -inf])).item() == -inf


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy(same_as_torch, F, rng, smoothing):
    same_as_torch(
        lambda x, t: ops.cross_entropy(x, t, label_smoothing=smoothing),
        lambda x, t: F.cross_entropy(x, t, label_smoothing=smoothing),
        rng.standard_normal((6, 5)) * 3,
        rng.integers(0, 5, 6),
    )


def test_cross_entropy_bears_impossible_and_huge_scores():
    scores = np.array([[-np.inf, 1.0, 2.0], [1000.0, -1000.0, 0.0], [0.0, 1000.0, 999.0]])
    x = Tensor(scores, requires_grad=True)
    loss = ops.cross_entropy(x, [2, 1, 2])
    loss.backward()
    log_p = special.log_softmax(scores, axis=1)
    assert loss.item() == pytest.approx(-(log_p[0, 2] + log_p[1, 1] + log_p[2, 2]) / 3)
    np.testing.assert_allclose(x.grad, (np.exp(log_p) - np.eye(3)[[2, 1, 2]]) / 3, atol=1e-12)


def test_cross_entropy_takes_labels_as_list_array_or_tensor():
    x = Tensor([[0.0, np.log(3)]])
    values = [ops.cross_entropy(x, t).item() for t in ([1], np.array([1], dtype=np.uint8), Tensor(np.array([1])))]
    np.testing.assert_allclose(values, np.log(4 / 3), rtol=1e-6)


@pytest.mark.parametrize("target", [[0, 5], [0, -1], [0], [[0, 1]]])
def test_cross_entropy_refuses_labels_that_do_not_fit(target):
    with pytest.raises(ValueError, match=r"logits \(2, 5\) need 2 labels from 0 to 4"):
        ops.cross_entropy(Tensor(np.zeros((2, 5))), target)


def test_other_losses(same_as_torch, F, rng):
    a, b = rng.standard_normal((4, 3)), rng.standard_normal((4, 3))
    same_as_torch(ops.mse_loss, F.mse_loss, a, b)
    p = rng.random((4, 3)).round(1)
    same_as_torch(
        lambda x: ops.binary_cross_entropy_with_logits(x, p.astype(x.dtype)),
        lambda x: F.binary_cross_entropy_with_logits(x, x.new_tensor(p)),
        a * 20,
    )
    same_as_torch(ops.nll_loss, F.nll_loss, np.log(special.softmax(a, axis=1)), rng.integers(0, 3, 4))


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm(same_as_torch, F, rng, shape, training):
    a = rng.standard_normal(shape) * 3 + 1
    mean, var = rng.standard_normal(3), rng.uniform(0.5, 2, 3)
    kept: dict[str, list] = {"ours": [], "theirs": []}

    def ours(x, w, b):
        running = Tensor(mean.astype(x.dtype)), Tensor(var.astype(x.dtype))
        out = ops.batch_norm(x, *running, w, b, training=training, momentum=0.3, eps=1e-3)
        kept["ours"].append([r.data for r in running])
        return out

    def theirs(x, w, b):
        running = x.new_tensor(mean), x.new_tensor(var)
        out = F.batch_norm(x, *running, w, b, training=training, momentum=0.3, eps=1e-3)
        kept["theirs"].append([r.numpy() for r in running])
        return out

    same_as_torch(ours, theirs, a, rng.standard_normal(3), rng.standard_normal(3))
    for mine, other in zip(kept["ours"], kept["theirs"], strict=True):
        for x, t in zip(mine, other, strict=True):
            np.testing.assert_allclose(x, t, rtol=1e-4)


def test_batch_norm_needs_more_than_one_number():
    with pytest.raises(ValueError, match=r"several numbers per channel.*\(1, 3\)"):
        ops.batch_norm(Tensor(np.ones((1, 3))), None, None, training=True)


@pytest.mark.parametrize("normalized", [(5,), (4, 5), 5])
@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm(same_as_torch, F, rng, normalized, affine):
    shape = (normalized,) if isinstance(normalized, int) else normalized
    arrays = [rng.standard_normal((3, 4, 5)) * 3 + 1, rng.standard_normal(shape), rng.standard_normal(shape)]
    same_as_torch(
        lambda x, *affine: ops.layer_norm(x, normalized, *affine),
        lambda x, *affine: F.layer_norm(x, shape, *affine),
        *arrays[: 3 if affine else 1],
    )


def test_dropout_keeps_the_expected_value_and_drops_gradients_alike(rng):
    x = Tensor(np.ones((200, 200)), requires_grad=True)
    y = ops.dropout(x, 0.3, rng=rng)
    assert set(np.unique(y.data).round(6)) == {0.0, round(1 / 0.7, 6)}
    assert abs(y.data.mean() - 1) < 0.02
    y.backward(np.full(x.shape, 2.0))
    np.testing.assert_array_equal(x.grad, 2 * y.data)


def test_dropout_at_its_ends(rng):
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert ops.dropout(x, 0.5, training=False, rng=rng) is x
    assert ops.dropout(x, 0.0, rng=rng) is x
    gone = ops.dropout(x, 1.0, rng=rng)
    gone.sum().backward()
    assert gone.tolist() == x.grad.tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"got 1\.5"):
        ops.dropout(x, 1.5, rng=rng)


@pytest.mark.parametrize("shape", [(7,), (3, 4), (0,)])
def test_embedding(same_as_torch, F, rng, shape):
    same_as_torch(ops.embedding, F.embedding, rng.integers(0, 5, shape), rng.standard_normal((5, 3)))


@pytest.mark.parametrize("ids", [[5], [-1]])
def test_embedding_refuses_ids_that_are_not_there(ids):
    with pytest.raises(IndexError, match="ids go from 0 to 4"):
        ops.embedding(ids, Tensor(np.ones((5, 2))))


def test_one_hot(F):
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    ids = np.array([[0, 2], [1, 1]])
    assert ops.one_hot(ids, 4).tolist() == F.one_hot(torch.tensor(ids), 4).tolist()
