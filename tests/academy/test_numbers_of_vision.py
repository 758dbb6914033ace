"""The numbers worked by hand in the lessons on seeing without learning are what the library gives."""

import math

import numpy as np
import pytest
from tests.academy.lesson_prose import says

from upslope.image.canny import thin
from upslope.image.eigenfaces import eigenfaces, in_face_space
from upslope.image.equalize import equalize
from upslope.image.gaussian import gaussian_blur
from upslope.image.harris import harris
from upslope.image.homography import homography
from upslope.image.sobel import sobel


def test_numbers_of_equalize():
    assert equalize(np.array([10, 10, 11, 13], dtype=np.uint8)).tolist() == [0, 0, 128, 255]
    says("equalize", "10 becomes 0, 13 becomes 255, and 11 becomes 255 · 1/2 = 127.5, rounded to 128")


def test_numbers_of_gaussian_blur():
    sigma = 1 / math.sqrt(2 * math.log(2))
    image = np.zeros((5, 5))
    image[2, 2] = 16
    blurred = gaussian_blur(image, sigma=sigma, radius=1)
    assert np.allclose(blurred[1:4, 1:4], [[1, 2, 1], [2, 4, 2], [1, 2, 1]])
    assert np.allclose(gaussian_blur(image[1:4, 1:4], sigma=sigma, radius=1), 4)
    assert (2 * 17, 17 * 17) == (34, 289)
    says(
        "gaussian-blur", "4, 8, 4", "1 2 1, 2 4 2, 1 2 1", "4 everywhere", "34 multiplications a pixel in place of 289"
    )


def test_numbers_of_canny_thinning():
    dx = np.array([[0, 3, 5, 5, 1]])
    assert thin(dx, 0 * dx).tolist() == [[0, 0, 5, 0, 0]]
    says("canny-thinning", "[0, 0, 5, 0, 0]")


def test_numbers_of_harris():
    image = np.tile(np.arange(30.0), (30, 1))
    assert sobel(image)[0][15, 15] == 8
    assert harris(image, sigma=1, k=0.05)[15, 15] == pytest.approx(-204.8)
    says("harris", "M = [[64, 0], [0, 0]]", "0 - 0.05 · 4096 = -204.8")


def test_numbers_of_homography():
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    found = homography(square, [[2, 3], [4, 3], [4, 5], [2, 5]])
    assert np.allclose(found, [[2, 0, 2], [0, 2, 3], [0, 0, 1]])
    assert np.allclose((square - 0.5) * 2, [[-1, -1], [1, -1], [1, 1], [-1, 1]])
    says("homography", "[[2, 0, 2], [0, 2, 3], [0, 0, 1]]", "the scales 2 and 1", "(±1, ±1)")


def test_numbers_of_ransac():
    assert math.log(0.01) / math.log(1 - 0.5**4) == pytest.approx(71.4, abs=0.05)
    assert math.ceil(math.log(0.01) / math.log(1 - 0.5**8)) == 1177
    says("ransac", "log 0.01 / log 0.9375 = 71.4, so 72 draws", "1,177")


def test_numbers_of_panorama():
    assert pytest.approx(0.13, abs=0.001) == 0.6**4
    assert math.log(0.001) / math.log(1 - 0.6**4) == pytest.approx(50, abs=0.5)
    share = (180 / 2000) ** 4
    assert share == pytest.approx(0.00007, abs=0.000005)
    assert math.log(0.001) / math.log(1 - share) == pytest.approx(105_000, abs=500)
    says("panorama", "w⁴ = 0.13", "log 0.001 / log 0.87 = 50 times", "w⁴ = 0.00007, and 105,000 draws")


def test_numbers_of_eigenfaces():
    pictures = np.array([[1.0, 0], [3, 4], [5, 8]])
    mean, axes = eigenfaces(pictures, count=1)
    assert mean.tolist() == [3, 4]
    assert axes.round(3).tolist() == [[0.447, 0.894]]
    assert in_face_space(pictures, mean, axes)[:, 0] == pytest.approx([-math.sqrt(20), 0, math.sqrt(20)])
    assert pytest.approx(16.8e6, abs=0.05e6) == 4096**2
    says("eigenfaces", "[-2, -4], [0, 0], [2, 4]", "[1, 2] / √5 = [0.447, 0.894]", "-√20, 0, √20", "16.8 million")


def test_numbers_of_faces():
    assert (100 * 99 // 2, 10 * (10 * 9 // 2)) == (4950, 450)
    assert pytest.approx(0.909, abs=5e-4) == 4500 / 4950
    says("faces", "100 · 99 / 2 = 4,950 pairs: 10 · 45 = 450 of one person, 4,500 of two", "90.9 %")


def test_numbers_of_conv_as_matmul():
    torch = pytest.importorskip("torch")
    from upslope.blocks.convolution_as_matmul import conv2d_as_matmul

    picture = torch.arange(1.0, 10).reshape(1, 1, 3, 3)
    made = conv2d_as_matmul(picture, torch.tensor([[[[1.0, 0], [0, 1]]]]))
    assert made.flatten().tolist() == [6, 8, 12, 14]
    says("conv-as-matmul", "[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8] and [5, 6, 8, 9]", "6, 8, 12 and 14")


def test_numbers_of_parameter_count():
    from upslope.blocks.convolution_arithmetic import convolution_cost

    first = convolution_cost(3, 64, kernel=7, places=112 * 112, bias=False)
    last = convolution_cost(2048, 1000, kernel=1, places=1)
    assert first == (9_408, 118_013_952)
    assert last[0] / first[0] == pytest.approx(200, rel=0.1)
    assert first[1] / last[1] == pytest.approx(60, rel=0.1)
    says("parameter-count", "9,408 parameters, and 9,408 · 12,544 = 118,013,952 multiply-adds", "two hundred times")
    alexnet = [(9216, 4096), (4096, 4096), (4096, 1000)]
    assert sum(convolution_cost(i, o, kernel=1, places=1)[0] for i, o in alexnet) == pytest.approx(58e6, rel=0.02)
    says("parameter-count", "AlexNet has 61 million parameters, of which 58 lie in three linear layers")
