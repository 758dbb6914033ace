"""Pictures are made to look like those of a data set, whatever they looked like before."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from upslope.data import fashion_mnist, mnist
from upslope.image.preprocess import handwriting, photo, product


def rgb(grey):
    return np.repeat(np.asarray(grey, dtype=np.float32)[..., None], 3, axis=2)


def enlarged(image, size=200):
    """A picture of a data set at another size, smooth."""
    larger = Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(larger), 0, 1)


def alike(a, b):
    """The correlation of two pictures, the second moved by a pixel where that fits better: middles are rounded."""
    moved = [np.roll(b, (down, right), (0, 1)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return max(float(np.corrcoef(a.ravel(), one.ravel())[0, 1]) for one in moved)


@pytest.fixture(scope="module")
def digits():
    return mnist.toy(rng=np.random.default_rng(6), count=3)["image"]


@pytest.fixture(scope="module")
def made_of_digits(digits):
    return [handwriting(rgb(image)) for image in digits]


@pytest.fixture(scope="module")
def garments():
    return fashion_mnist.toy(rng=np.random.default_rng(6), count=12)["image"]


SHOWN = {
    "as it is": lambda image: rgb(image),
    "negated": lambda image: rgb(1 - image),
    "larger": lambda image: rgb(enlarged(image)),
    "larger, negated": lambda image: rgb(1 - enlarged(image)),
    "in coarse pixels": lambda image: rgb(1 - np.kron(image, np.ones((9, 9)))),
    "pale": lambda image: rgb(0.8 - 0.3 * enlarged(image)),
    "blue on yellow": lambda image: 1 - rgb(enlarged(image)) * (0.9, 0.7, 0.2) - np.float32((0, 0.05, 0.3)),
}


@pytest.mark.parametrize("way", SHOWN)
def test_a_digit_of_the_set_stays_what_it_is(digits, made_of_digits, way):
    for image, plain in zip(digits, made_of_digits, strict=True):
        made = handwriting(np.clip(SHOWN[way](image), 0, 1).astype(np.float32))
        assert made.shape == (28, 28)
        assert made.dtype == np.float32
        assert alike(made, plain) > 0.9


def test_the_box_and_the_centre_of_mass(digits):
    """LeCun et al. 1998: 20 pixels on the longer side, the centre of mass in the middle."""
    for image in digits:
        made = handwriting(rgb(1 - enlarged(image)))
        rows, columns = np.nonzero(made > 0.2)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
        assert np.abs(np.array(ndimage.center_of_mass(made)) - 14).max() <= 1
        assert 0 <= made.min() <= made.max() <= 1


def test_another_size_has_the_same_proportions(digits):
    picture = rgb(1 - enlarged(digits[0]))
    made = handwriting(picture, 56, 56)
    rows, columns = np.nonzero(made > 0.2)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (39, 40, 41)
    small = made.reshape(28, 2, 28, 2).mean(axis=(1, 3))
    assert alike(small, handwriting(picture)) > 0.9


@pytest.mark.parametrize("place", [(0, 0), (40, 200), (300, 120), (299, 419)])
def test_the_place_on_the_page_does_not_matter(digits, place):
    page = np.ones((500, 620), dtype=np.float32)
    row, column = place
    page[row : row + 200, column : column + 200] -= 0.8 * enlarged(digits[2])
    assert alike(handwriting(rgb(page)), handwriting(rgb(1 - enlarged(digits[2])))) > 0.97


@pytest.mark.parametrize("size", [60, 120, 400, 1000])
def test_the_size_of_the_picture_does_not_matter(digits, size):
    made = handwriting(rgb(1 - enlarged(digits[1], size)))
    assert alike(made, handwriting(rgb(1 - enlarged(digits[1])))) > 0.97


def test_thin_strokes_become_as_thick_as_the_sets_own():
    """A line of one pixel, 300 long, would be a shadow of one fifteenth of a pixel."""
    page = np.ones((400, 400), dtype=np.float32)
    page[50:350, 200] = 0
    made = handwriting(rgb(page))
    thickness = made.sum(axis=1)[6:22]
    assert np.all((thickness > 1.5) & (thickness < 3))
    assert made.max() > 0.9


def test_thick_strokes_stay_thick():
    page = np.ones((400, 400), dtype=np.float32)
    page[50:350, 170:230] = 0
    assert np.median(handwriting(rgb(page)).sum(axis=1)[6:22]) == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize("prepare", [handwriting, product])
@pytest.mark.parametrize("level", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (30, 40)])
def test_where_nothing_is_there_is_nothing(prepare, level, size):
    made = prepare(np.full((*size, 3), level, dtype=np.float32))
    assert made.shape == (28, 28)
    assert made.max() == 0


def test_a_noisy_page_and_a_vignette_are_blank():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:150j, -1:1:200j]
    page = 0.9 - 0.15 * (x**2 + y**2) + rng.normal(0, 0.01, (150, 200))
    assert handwriting(rgb(page)).max() == 0


@pytest.mark.parametrize("prepare", [handwriting, product, photo])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 300), (300, 1), (77, 31)])
def test_noise_of_any_size_is_a_picture(prepare, size):
    for seed in range(2):
        made = prepare(np.random.default_rng(seed).random((*size, 3)).astype(np.float32))
        assert made.shape[:2] == ((224, 224) if prepare is photo else (28, 28))
        assert made.dtype == np.float32
        assert np.isfinite(made).all()
        assert 0 <= made.min() <= made.max() <= 1


@pytest.mark.needs("data")
def test_handwriting_of_people():
    """The nearest neighbour among 5,000 training images finds as many digits as in the test images themselves."""
    train, test = mnist.load("train").take(slice(5000)), mnist.load("test").take(slice(20))
    known = train["image"].reshape(5000, -1)

    def right(images):
        asked = np.asarray(images).reshape(len(images), -1)
        distances = (known**2).sum(axis=1) - 2 * asked @ known.T
        return float((train["label"][distances.argmin(axis=1)] == test["label"]).mean())

    prepared = [handwriting(rgb(1 - enlarged(image))) for image in test["image"]]
    assert right(prepared) >= right(test["image"]) - 0.05
    assert np.mean([alike(made, image) for made, image in zip(prepared, test["image"], strict=True)]) > 0.9


@pytest.mark.parametrize("way", ["as it is", "negated"])
def test_a_garment_of_the_set_stays_what_it_is(garments, way):
    for image in garments:
        made = product(SHOWN[way](image))
        rows, columns = np.nonzero(image > 0.1)
        trimmed = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        if max(trimmed.shape) == 28:
            assert alike(made, image) > 0.99
        assert made.sum() >= 0.99 * trimmed.sum()
        assert max(np.ptp(places) + 1 for places in np.nonzero(made > 0.05)) in (27, 28)


PAGES = {
    "white": lambda thing: rgb(1 - thing),
    "off-white": lambda thing: 0.93 * rgb(1 - thing),
    "tinted": lambda thing: rgb(1 - thing) * np.float32((0.97, 0.93, 0.85)),
    "light that falls off": lambda thing: rgb((1 - thing) * np.linspace(0.7, 1, thing.shape[1])),
    "noise": lambda thing: 0.95 * rgb(1 - thing) + np.random.default_rng(1).normal(0, 0.02, (*thing.shape, 3)),
    "much noise": lambda thing: 0.9 * rgb(1 - thing) + np.random.default_rng(1).normal(0, 0.08, (*thing.shape, 3)),
    "crumbs": lambda thing: rgb(1 - np.maximum(thing, np.pad(np.ones((3, 3)), ((20, 577), (30, 467))))),
    "before black": lambda thing: rgb(thing),
}


@pytest.mark.parametrize("way", PAGES)
def test_a_thing_on_a_page_is_cut_out(garments, way):
    """600 x 500, the thing 300 high somewhere on it."""
    for image in garments[:6]:
        thing = np.zeros((600, 500))
        thing[110:410, 150:450] = enlarged(image, 300)
        made = product(np.clip(PAGES[way](thing), 0, 1).astype(np.float32))
        assert alike(made, product(rgb(1 - enlarged(image, 300)))) > 0.95
        assert (made[0].max() > 0 and made[-1].max() > 0) or (made[:, 0].max() > 0 and made[:, -1].max() > 0)


@pytest.mark.needs("data")
def test_garments_of_the_shop():
    """Those that fill their box come out as they are; the others are moved by a pixel at most."""
    test = fashion_mnist.load("test").take(slice(200))
    errors = [np.abs(product(rgb(1 - image)) - image).mean() for image in test["image"]]
    assert np.median(errors) < 0.01
    assert np.mean([alike(product(rgb(1 - enlarged(image))), image) for image in test["image"][:50]]) > 0.93


@pytest.mark.parametrize("size", [(375, 500), (500, 375), (224, 224), (256, 256), (100, 60), (300, 1200), (1000, 999)])
def test_photographs_as_torchvision_prepares_them(size):
    """Resize(256) and CenterCrop(224), written out on Pillow's own pictures of whole numbers."""
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)
    height, width = size
    rows, columns = (256, int(256 * width / height)) if height <= width else (int(256 * height / width), 256)
    resized = image.resize((columns, rows), Image.Resampling.BILINEAR)
    top, left = round((rows - 224) / 2.0), round((columns - 224) / 2.0)
    expected = np.asarray(resized.crop((left, top, left + 224, top + 224))) / 255
    made = photo((np.asarray(image) / 255).astype(np.float32))
    assert made.shape == (224, 224, 3)
    assert np.abs(made - expected).max() < 1.6 / 255


@pytest.mark.parametrize("size", [(32, 32), (28, 28), (64, 48), (48, 64), (384, 384)])
def test_photographs_at_another_size(size):
    """Seven eighths of the shorter side, the middle in the middle."""
    y, x = np.mgrid[0:200, 0:300]
    picture = np.stack([x / 299, y / 199, np.zeros((200, 300))], axis=-1).astype(np.float32)
    made = photo(picture, *size)
    assert made.shape == (*size, 3)
    across, down = np.ptp(made[..., 0]) * 299, np.ptp(made[..., 1]) * 199
    scale = min(200 / size[0], 300 / size[1]) * 224 / 256
    assert across == pytest.approx(scale * size[1], rel=0.06)
    assert down == pytest.approx(scale * size[0], rel=0.06)
    assert made[..., :2].mean(axis=(0, 1)) == pytest.approx([0.5, 0.5], abs=0.02)
