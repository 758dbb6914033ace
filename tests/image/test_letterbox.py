"""The letterbox and its way back: what a pixel shows says where it came from."""

import numpy as np
import pytest

from upslope.image.letterbox import GREY, Letterbox, letterbox, to_letterbox, undo_letterbox


def sizes(count):
    rng = np.random.default_rng(0)
    return [tuple(int(n) for n in rng.integers(lowest, 400, 3)) for lowest in (1, 30) for _ in range(count // 2)]


def test_boxes_come_back_from_any_size():
    """To the digits that float64 has, where the rounded padding used to cost pixels."""
    rng = np.random.default_rng(1)
    for height, width, size in sizes(60):
        _, done = letterbox(np.zeros((height, width), dtype=np.float32), size)
        boxes = np.sort(rng.uniform(0, 1, (10, 2, 2)), axis=1).reshape(10, 4) * [width, height, width, height]
        np.testing.assert_allclose(undo_letterbox(to_letterbox(boxes, done), done), boxes, atol=1e-9)


def test_pixels_come_back_within_half_a_pixel():
    """A picture whose pixels hold their own places: what a pixel of the square shows is where the way back leads."""
    for height, width, size in sizes(60):
        if min(height, width, size) < 30:
            continue
        down, across = np.mgrid[:height, :width] + 0.5
        square, done = letterbox(np.stack([across, down], axis=-1).astype(np.float32), size, fill=-1)
        rows, columns = np.nonzero(square[..., 0] >= 0)
        inner = slice(None, None, 37)
        middles = np.stack([columns, rows, columns, rows], axis=-1)[inner] + 0.5
        back = undo_letterbox(middles, done)[:, :2]
        shown = square[rows, columns][inner]
        # At the border a pixel shows the edge where its filter reaches beyond it.
        near = np.abs(back - shown) <= max(0.5, 0.5 * max(height, width) / size)
        assert near.all(), (height, width, size)
        deep = (back > 0.1 * min(height, width)) & (back < [0.9 * width, 0.9 * height])
        deep = deep.all(axis=1)
        assert np.abs(back - shown)[deep].max(initial=0) <= 0.5, (height, width, size)


@pytest.mark.parametrize("shape", [(100, 300), (300, 100, 3), (7, 7, 1), (1, 500)])
def test_the_whole_picture_lies_in_the_middle_of_grey(shape):
    square, done = letterbox(np.ones(shape, dtype=np.float32), 64)
    assert square.shape == (64, 64, *shape[2:])
    assert square.dtype == np.float32
    picture = square[done.top : done.top + done.scaled_height, done.left : done.left + done.scaled_width]
    np.testing.assert_allclose(picture, 1, atol=1e-6)
    assert np.isclose(square, 1).sum() == picture.size
    assert np.isclose(square, GREY).sum() == square.size - picture.size
    assert max(done.scaled_height, done.scaled_width) == 64
    assert 0 <= 64 - done.scaled_height - 2 * done.top <= 1
    assert 0 <= 64 - done.scaled_width - 2 * done.left <= 1


def test_boxes_on_the_border_end_at_the_edge_and_the_dtype_stays():
    _, done = letterbox(np.zeros((100, 300), dtype=np.float32), 64)
    assert done == Letterbox(100, 300, 21, 64, 21, 0, 64)
    boxes = np.array([[-5.0, 0.0, 70.0, 64.0], [16.0, 21.0, 32.0, 42.0]], dtype=np.float32)
    got = undo_letterbox(boxes, done)
    assert got.dtype == np.float32
    assert got.tolist() == [[0, 0, 300, 100], [75, 0, 150, 100]]


def test_pictures_without_pixels_are_refused():
    with pytest.raises(ValueError, match="0 x 5 pixels on 64 x 64"):
        letterbox(np.zeros((0, 5), dtype=np.float32), 64)
