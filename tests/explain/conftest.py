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
FAMILIES = sorted(SMALL)


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def channels(request):
    return request.param


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
