"""The numbers worked by hand in the lessons on looking into networks are what the library gives."""

import pytest
from tests.academy.lesson_prose import says

pytest.importorskip("torch", reason="explanations are made with PyTorch")

import torch

from upslope.explain.grad_cam import grad_cam
from upslope.explain.integrated_gradients import integrated_gradients
from upslope.explain.occlusion import occlusion


def test_numbers_of_grad_cam():
    maps = torch.tensor([[[[4.0, 0.0]], [[6.0, 2.0]]]])
    gradients = torch.tensor([[[[1.0, 3.0]], [[-2.0, 0.0]]]])
    assert gradients.mean(dim=(2, 3)).tolist() == [[2, -1]]
    assert grad_cam(maps, gradients).tolist() == [[[2, 0]]]
    says("grad-cam", "(1 + 3)/2 = 2 and (-2 + 0)/2 = -1", "[2·4 - 6, 2·0 - 2] = [2, -2]", "leaves [2, 0]")


def test_numbers_of_integrated_gradients():
    x = torch.tensor([2.0, 3.0])
    got = integrated_gradients(lambda points: points.prod(dim=1), x, baseline=torch.zeros(2), steps=4)
    torch.testing.assert_close(got, torch.tensor([3.0, 3.0]))
    slopes = x.flip(0)
    assert (slopes / 2).tolist() == [1.5, 1]
    assert (slopes * x).tolist() == [6, 6]
    says("integrated-gradients", "[2·1.5, 3·1] = [3, 3]", "the sum is 6 = F(x) - F(x')", "[6, 6], twice")


def test_numbers_of_occlusion():
    x = torch.arange(1.0, 10).reshape(1, 3, 3)
    got = occlusion(lambda pictures: pictures.flatten(1).sum(dim=1), x, window=2, stride=1)
    assert got.tolist() == [[12, 16], [24, 28]]
    large = occlusion(lambda pictures: pictures[:, 0, 0, 0], torch.zeros(1, 224, 224), window=56, stride=16)
    assert large.shape == (12, 12)
    says("occlusion", "1 + 2 + 4 + 5 = 12", "[[12, 16], [24, 28]]", "12 · 12 = 144", "ceil((224 - 56)/16) + 1 = 12")
