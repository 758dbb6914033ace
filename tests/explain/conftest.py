"""What the tests of explanations share: small image classifiers of all seven kinds, as they were drawn."""

import pytest

# Family -> what makes its small size for pictures of this shape; all but ViT and LeNet-5 take any size.
SMALL = {
    "lenet": ("lenet5-modern", {}),
    "alexnet": ("alexnet-small", {}),
    "vgg": ("vgg-small", {}),
    "googlenet": ("googlenet-small", {}),
    "resnet": ("resnet8", {}),
    "efficientnet": ("efficientnet-small", {}),
    "vit": ("vit-28", {}),
}
# Every family quickly, half of them with grey pictures and half with colour; the others are left to the deep tests.
KINDS = [
    pytest.param((family, channels), id=f"{family}-{'grey' if channels == 1 else 'colour'}", marks=marks)
    for number, family in enumerate(sorted(SMALL))
    for channels, marks in ((1 + 2 * (number % 2), ()), (3 - 2 * (number % 2), pytest.mark.deep))
]


@pytest.fixture(params=KINDS)
def kind(request):
    """A family and a number of channels."""
    return request.param


@pytest.fixture
def family(kind):
    return kind[0]


@pytest.fixture
def channels(kind):
    return kind[1]


@pytest.fixture
def network(family, channels):
    """A small network of each kind in evaluation mode, for grey pictures and for coloured ones."""
    pytest.importorskip("torch", reason="networks are made of PyTorch")
    from upslope.models.build import built

    size, more = SMALL[family]
    return built(size, seed=1, in_channels=channels, **more).module.eval()


@pytest.fixture
def pictures(channels):
    torch = pytest.importorskip("torch", reason="networks are made of PyTorch")
    return torch.rand(2, channels, 28, 28, generator=torch.Generator().manual_seed(0))
