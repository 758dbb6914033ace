"""Occlusion: equal to covering by hand, window by window, and to captum's mean over pixels."""

import pytest

pytest.importorskip("torch", reason="networks are made of PyTorch")

import torch

from upslope.explain.occlusion import occlusion, spread

SHAPES = [((5, 7), 3, 2), ((6, 6), 2, 3), ((4, 9), 4, 1), ((3, 3), 5, 2), ((8, 8), 1, 4)]


def brute_force(score, x, *, window, stride, value):
    """One picture at a time, pixel by pixel."""
    height, width = x.shape[1:]
    rows = max(0, -(-(height - window) // stride)) + 1
    columns = max(0, -(-(width - window) // stride)) + 1
    found = torch.zeros(rows, columns)
    for i in range(rows):
        for j in range(columns):
            covered = x.clone()
            for row in range(i * stride, min(i * stride + window, height)):
                for column in range(j * stride, min(j * stride + window, width)):
                    covered[:, row, column] = value
            found[i, j] = score(x[None])[0] - score(covered[None])[0]
    return found


@pytest.mark.parametrize(("size", "window", "stride"), SHAPES)
@pytest.mark.parametrize("channels", [1, 3])
def test_by_brute_force(size, window, stride, channels):
    generator = torch.Generator().manual_seed(1)
    x, w = (torch.randn(channels, *size, generator=generator) for _ in range(2))

    def score(pictures):
        return (pictures * w).flatten(1).sum(dim=1).square()

    before = x.clone()
    got = occlusion(score, x, window=window, stride=stride, value=0.5)
    torch.testing.assert_close(got, brute_force(score, x, window=window, stride=stride, value=0.5))
    assert x.equal(before)
    pixels = spread(got, size, window=window, stride=stride)
    assert pixels.shape == size


@pytest.mark.parametrize(("size", "window", "stride"), [case for case in SHAPES if case[1] >= case[2]])
def test_equal_to_captum(size, window, stride):
    attr = pytest.importorskip("captum.attr", reason="captum is the independent implementation")
    if window > min(size):
        pytest.skip("captum takes no window that is larger than the picture")
    generator = torch.Generator().manual_seed(1)
    x, w = (torch.randn(1, *size, generator=generator) for _ in range(2))

    def score(pictures):
        return (pictures * w).flatten(1).sum(dim=1).sin()

    got = spread(occlusion(score, x, window=window, stride=stride), size, window=window, stride=stride)
    expected = attr.Occlusion(score).attribute(x[None], (1, window, window), (1, stride, stride), 0)[0, 0]
    torch.testing.assert_close(got, expected.to(got), rtol=1e-5, atol=1e-5)


def test_all_networks_and_all_classes_at_once(network, pictures):
    x = pictures[0]
    colour = torch.full((x.shape[0], 1, 1), 0.25)
    every = occlusion(network, x, window=8, stride=4, value=colour)
    assert every.shape == (6, 6, 10)
    one = occlusion(lambda points: network(points)[:, 4], x, window=8, stride=4, value=0.25)
    torch.testing.assert_close(every[..., 4], one, rtol=1e-4, atol=1e-5)
    assert not every.requires_grad
