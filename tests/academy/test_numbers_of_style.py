"""The numbers worked by hand in the lessons on style transfer are what the library gives."""

import pytest
from tests.academy.lesson_prose import says

pytestmark = pytest.mark.needs("torch")


def test_number_of_gram_matrix():
    torch = pytest.importorskip("torch")
    from upslope.blocks.generative.gram_matrix import gram_matrix

    maps = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])
    assert gram_matrix(maps).tolist() == [[[1.25, 2.75], [2.75, 6.25]]]
    says("gram-matrix", "1·1 + 2·2 = 5", "1·3 + 2·4 = 11", "[[1.25, 2.75], [2.75, 6.25]]")
