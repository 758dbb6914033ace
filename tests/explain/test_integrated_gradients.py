"""Integrated gradients: complete, exact where mathematics says so, equal to captum's."""

import pytest

pytest.importorskip("torch", reason="networks are made of PyTorch")

import torch

from upslope.explain.integrated_gradients import completeness_error, integrated_gradients


def cubic(points):
    return points[:, 0] ** 3 * points[:, 1] + torch.sin(points[:, 2])


def test_the_integral_by_scipy():
    from scipy.integrate import quad

    x, baseline = torch.tensor([1.5, -2.0, 0.7]).double(), torch.tensor([0.5, 1.0, -0.3]).double()
    got = integrated_gradients(cubic, x, baseline=baseline, steps=2000)

    def slope(along, number):
        point = (baseline + along * (x - baseline)).requires_grad_()
        return float(torch.autograd.grad(cubic(point[None])[0], point)[0][number])

    for number in range(3):
        expected = float(x[number] - baseline[number]) * quad(slope, 0, 1, args=(number,))[0]
        assert float(got[number]) == pytest.approx(expected, abs=1e-5)
    assert abs(completeness_error(got, cubic, x, baseline=baseline)) < 1e-5


def test_all_networks_are_nearly_complete(network, pictures):
    """More steps miss by less; the ReLUs' corners are what is missed."""
    x = pictures[0].double()
    network = network.double()
    baseline = torch.zeros_like(x)
    errors = []
    for steps in (4, 96):
        found = integrated_gradients(lambda points: network(points)[:, 3], x, baseline=baseline, steps=steps)
        assert found.shape == x.shape
        errors.append(abs(completeness_error(found, lambda points: network(points)[:, 3], x, baseline=baseline)))
    with torch.no_grad():
        span = abs(float(network(x[None])[0, 3] - network(baseline[None])[0, 3]))
    assert errors[1] < 0.02 * max(span, 0.05)
    assert all(parameter.grad is None for parameter in network.parameters())


def test_equal_to_captum(network, pictures):
    attr = pytest.importorskip("captum.attr", reason="captum is the independent implementation")
    x, baseline = pictures[0], torch.full_like(pictures[0], 0.25)
    got = integrated_gradients(lambda points: network(points)[:, 2], x, baseline=baseline, steps=16)
    theirs = attr.IntegratedGradients(network)
    expected = theirs.attribute(x[None], baseline[None], target=2, n_steps=16, method="riemann_middle")[0]
    torch.testing.assert_close(got, expected.float().detach(), rtol=1e-4, atol=1e-5)


def test_a_score_that_is_not_used_is_worth_nothing():
    x = torch.tensor([2.0, 3.0, 9.0])
    got = integrated_gradients(lambda points: points[:, 0] * points[:, 1], x, baseline=torch.zeros(3), steps=5)
    torch.testing.assert_close(got, torch.tensor([3.0, 3.0, 0.0]))
    assert not got.requires_grad
    with torch.no_grad():
        again = integrated_gradients(lambda points: points.prod(dim=1), x, baseline=x)
    assert again.tolist() == [0, 0, 0]
