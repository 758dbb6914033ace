"""A panorama is the scene that its pictures were cut from, in whatever order they come."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from upslope.apps.panorama import Canvas, NoPanorama, Overlap, panorama, tree
from upslope.cli.main import main
from upslope.cli.terminal.exits import Exit
from upslope.data.loading.photographs import scenes
from upslope.image.homography import homography
from upslope.image.keypoints import OpenCVMissing, opencv
from upslope.image.read import read_picture
from upslope.image.warp import warp_perspective

pytest.importorskip("cv2")
NAMES = ["b.png", "a.png", "c.png"]  # left to right: a, b, c


@pytest.fixture(scope="module")
def scene():
    return scenes(1, rng=np.random.default_rng(3), height=240, width=480)[0]


@pytest.fixture(scope="module")
def views(scene):
    """The middle, the left and the right of the scene, each in perspective and in its own light."""
    rng, made = np.random.default_rng(4), []
    for left, light in ((120, 1.0), (0, 0.8), (240, 1.15)):
        corners = np.array([[0.0, 0], [239, 0], [239, 239], [0, 239]])
        jitter = rng.uniform(-6, 6, (4, 2)) if left != 120 else 0.0
        view = warp_perspective(scene, homography(corners + np.array([left, 0.0]), corners + jitter), 240, 240)
        made.append(np.clip(view * light, 0, 1).astype(np.float32))
    return made


@pytest.fixture
def files(views, tmp_path):
    for name, view in zip(NAMES, views, strict=True):
        Image.fromarray(np.rint(255 * view).astype(np.uint8)).save(tmp_path / name)
    return [str(tmp_path / name) for name in NAMES]


def test_the_scene_comes_back(scene, views):
    made = panorama(views, NAMES)
    assert made.order == [1, 0, 2]
    assert sorted((first, second) for first, second, _ in made.joined) == [(0, 1), (0, 2)]
    height, width = made.picture.shape[:2]
    assert abs(width - 480) < 20
    assert abs(height - 240) < 25
    assert made.gains[1] > made.gains[0] > made.gains[2], "the dark one is made brighter"
    # Where the middle view lies nothing has moved: it is the one that stays as it is.
    best = min(
        np.abs(made.picture[y : y + 200, x : x + 440] - scene[20:220, 20:460]).mean()
        for y in range(15, 40)
        for x in range(15, 35)
        if x + 440 <= width and y + 200 <= height
    )
    assert best < 0.06


def test_pictures_that_do_not_overlap_are_said(views):
    other = scenes(1, rng=np.random.default_rng(9), height=240, width=240)[0]
    with pytest.raises(NoPanorama, match=r"^\d+ match(es agree| agrees), \d+ are needed: do the pictures overlap\?$"):
        panorama([views[0], other], ["x", "y"])
    with pytest.raises(NoPanorama, match=r"and stranger: \d+ match"):
        panorama([*views, other], [*NAMES, "stranger"])
    with pytest.raises(NoPanorama, match="at least two pictures, and there is 1"):
        panorama(views[:1], NAMES[:1])


def test_an_even_picture_has_no_matches(views):
    """Neither keypoints nor a homography: a sentence, not an exception of OpenCV's."""
    with pytest.raises(NoPanorama, match="0 matches agree, 15 are needed"):
        panorama([views[0], np.full((240, 240, 3), 0.5, dtype=np.float32)], ["x", "y"])


def test_the_tree_takes_the_best_overlaps():
    real = {pair: Overlap(60, agree, np.eye(3)) for pair, agree in (((0, 1), 30), ((0, 2), 25), ((1, 2), 50))}
    assert tree(real, "abc") == [(1, 2), (0, 1)]
    assert Overlap(20, 9, np.eye(3)).needed == 15
    assert Overlap(500, 100, np.eye(3)).needed == 116
    assert not Overlap(500, 400, None).real


def test_a_picture_seen_from_the_side_is_said(views):
    flat = np.diag([1.0, 1.0, 1.0])
    for bad in (np.array([[1.0, 0, 0], [0, 1, 0], [-0.01, 0, 1]]), np.diag([0.1, 0.1, 1.0]), np.diag([-1.0, 1, 1])):
        with pytest.raises(NoPanorama, match=r"a\.png is turned too far away"):
            Canvas.around(views[:2], [flat, bad], NAMES[:2])


def test_the_command_writes_a_picture(files, tmp_path, capsys):
    out = tmp_path / "wide.png"
    assert main(["app", "panorama", *files, "--out", str(out)]) == Exit.DONE
    said = capsys.readouterr().out
    assert "a.png, b.png and c.png" in said
    assert "matches agree" in said
    first = out.read_bytes()
    assert main(["app", "panorama", *files, "--out", str(out), "--json"]) == Exit.DONE, "its own picture it replaces"
    facts = json.loads(capsys.readouterr().out)
    assert [path[-5:] for path in facts["order"]] == ["a.png", "b.png", "c.png"]
    assert read_picture(out).shape == (facts["height"], facts["width"], 3)
    assert out.read_bytes() == first, "the same pictures give the same panorama"


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_rotated_photograph_is_upright(files, views, tmp_path, orientation, capsys):
    """EXIF says how the camera was held; the panorama is as that of upright files."""
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90}
    image = Image.open(files[1]).transpose(turns[orientation])
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / "turned.png", exif=exif)
    assert main(["app", "panorama", files[0], str(tmp_path / "turned.png"), "--out", str(tmp_path / "x.png")]) == 0
    assert main(["app", "panorama", files[0], files[1], "--out", str(tmp_path / "y.png")]) == 0
    capsys.readouterr()
    assert np.array_equal(read_picture(tmp_path / "x.png"), read_picture(tmp_path / "y.png"))


def test_a_damaged_file_is_named_and_the_rest_is_joined(files, tmp_path, capsys):
    broken = tmp_path / "broken.png"
    with open(files[0], "rb") as whole:
        broken.write_bytes(whole.read()[:3000])
    out = str(tmp_path / "wide.png")
    assert main(["app", "panorama", files[0], str(broken), files[1], "--out", out]) == Exit.MISSING
    assert "broken.png is damaged or cut off" in capsys.readouterr().err
    assert read_picture(tmp_path / "wide.png").shape[1] > 300
    assert main(["app", "panorama", files[0], str(broken), "--out", out]) == Exit.NOT
    assert "broken.png is damaged" in capsys.readouterr().err


def test_wrong_usage_is_said(files, tmp_path, capsys):
    photograph = tmp_path / "mine.png"
    photograph.write_bytes((tmp_path / "a.png").read_bytes())
    for words, sentence in (
        ([files[0]], "at least two pictures: upslope app panorama left.jpg right.jpg"),
        ([*files, "--out", "x.jpg"], "x.jpg does not end in .png"),
        ([*files, "--out", str(photograph)], "exists already and was not made by upslope app panorama"),
        (files * 14, "at most 40 pictures, and these are 42"),
    ):
        assert main(["app", "panorama", *words]) == Exit.USAGE
        assert sentence in " ".join(capsys.readouterr().err.split())


def test_without_opencv_it_says_what_to_install(files, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(OpenCVMissing, match="pip install 'upslope\\[vision\\]'"):
        opencv()
    assert main(["app", "panorama", *files, "--out", "never.png"]) == Exit.MISSING
    assert "pip install" in capsys.readouterr().err
