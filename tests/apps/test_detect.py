"""Detection on moving pictures: every frame of a clip, the newest of a camera, a clip that can be played, errors."""

import json
import time
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("cv2")
pytest.importorskip("torch", reason="the pipeline's module is looked up with it")

from upslope.apps.detect import STAGES, boxes_on, detect
from upslope.apps.frames import Clip, Footage, NoFrames, opened
from upslope.cli.main import main
from upslope.cli.terminal.exits import Exit
from upslope.image.detections import Found
from upslope.runs.model_spec import ModelSpec
from upslope.ship.pipelines.object_detection import ObjectDetection
from upslope.ship.pipelines.pipeline import LoadedModel

SPEC = ModelSpec(
    task="object-detection",
    model="yolo",
    arguments={},
    inputs={"image": {"shape": [3, 64, 96], "dtype": "float32"}},
    outputs={"boxes": {"format": "xyxy"}, "scores": {"classes": ["ball"]}},
    preprocessing={"overlap": 0.5, "score": 0.5},
)


def white(inputs, *, wait=0.0):
    """Finds what is white."""
    time.sleep(wait)
    boxes, scores = [], []
    for image in inputs["image"]:
        rows, columns = np.nonzero(image[0] > 0.7)
        height, width = image.shape[1:]
        there = len(rows) > 0
        edges = [columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height]
        boxes.append([edges if there else [0, 0, 1, 1]])
        scores.append([[0.9 if there else 0.0]])
    return {"boxes": np.array(boxes, np.float32), "scores": np.array(scores, np.float32)}


def safe(inputs, **words):
    """The same, where nothing may be white."""
    if all(image[0].max() <= 0.7 for image in inputs["image"]):
        count = len(inputs["image"])
        return {"boxes": np.zeros((count, 1, 4), np.float32), "scores": np.zeros((count, 1, 1), np.float32)}
    return white(inputs, **words)


@pytest.fixture
def pipeline():
    return ObjectDetection(LoadedModel("white", SPEC, safe))


def ball(number):
    """A white square that moves to the right."""
    frame = np.zeros((128, 192, 3), dtype=np.uint8)
    frame[40:70, 3 * number : 3 * number + 30] = 255
    return frame


@pytest.fixture
def clip(tmp_path):
    made = Clip(tmp_path / "ball.mp4", 10)
    for number in range(20):
        made.add(ball(number))
    made.close()
    return tmp_path / "ball.mp4"


def test_every_frame_of_a_clip_is_looked_at_in_order(pipeline, clip, tmp_path):
    seen = []
    out = Clip(tmp_path / "out.mp4", 10)
    with opened(str(clip)) as footage:
        assert (footage.rate, footage.announced, footage.live) == (10, 20, False)
        rates = detect(pipeline, footage, clip=out, say=lambda n, found: seen.append((n, found.boxes[0].tolist())))
    assert [number for number, _ in seen] == list(range(1, 21))
    for number, box in seen:
        np.testing.assert_allclose(box, [3 * (number - 1), 40, 3 * (number - 1) + 30, 70], atol=4)
    assert rates.frames == 20
    assert rates.dropped == 0
    assert {name: len(times) for name, times in rates.stages.items()} == dict.fromkeys(STAGES, 20)
    with opened(str(tmp_path / "out.mp4")) as written:
        frames = list(written.frames)
    assert len(frames) == 20
    assert frames[5].shape == (128, 192, 3)
    blue = (frames[5][..., 2].astype(int) - frames[5][..., 0]) > 60
    assert blue.sum() > 60, "the box is drawn"


def test_of_a_camera_only_the_newest_frame_counts(pipeline):
    """While the network is busy frames pass by; what is looked at comes in order."""
    slow = ObjectDetection(LoadedModel("slow", SPEC, lambda x: safe(x, wait=0.03)))
    seen = []

    def frames():
        for number in range(50):
            time.sleep(0.002)
            yield ball(number)

    rates = detect(slow, Footage("camera", True, 30, frames()), say=lambda n, found: seen.append(found.boxes[0][0]))
    assert rates.dropped > 0
    assert rates.frames + rates.dropped == 50
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(3 * 49, abs=4), "the last one is the newest"


def test_what_goes_wrong_is_raised_and_the_clip_can_be_played(pipeline, tmp_path):
    def frames():
        for number in range(8):
            yield ball(number)
        raise NoFrames("the camera was pulled out")

    out = Clip(tmp_path / "out.mp4", 10)
    with pytest.raises(NoFrames, match="pulled out"):
        detect(pipeline, Footage("camera 0", False, 10, frames()), clip=out)
    with opened(str(tmp_path / "out.mp4")) as written:
        assert len(list(written.frames)) >= 1

    broken = ObjectDetection(LoadedModel("broken", SPEC, lambda _: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        detect(broken, Footage("camera 0", True, 10, iter([ball(1)] * 100)))

    def refuses(number, found):
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        detect(pipeline, Footage("clip", False, 10, iter([ball(1)] * 100)), say=refuses)


def test_ctrl_c_ends_it_and_the_clip_can_be_played(pipeline, tmp_path):
    asked = []

    def interrupted(inputs):
        asked.append(1)
        if len(asked) == 6:
            raise KeyboardInterrupt
        return safe(inputs)

    out = Clip(tmp_path / "out.mp4", 10)
    watched = ObjectDetection(LoadedModel("white", SPEC, interrupted))
    rates = detect(watched, Footage("camera 0", False, 10, iter([ball(1)] * 100)), clip=out)
    assert (rates.frames, rates.to_the_end) == (5, False)
    with opened(str(tmp_path / "out.mp4")) as written:
        assert len(list(written.frames)) == 5


def test_a_camera_that_is_pulled_out_is_said(loaded, capsys, monkeypatch):
    @contextmanager
    def pulled_out(source):
        yield Footage("camera 0", True, 30, iter([ball(1)] * 3))

    monkeypatch.setattr("upslope.apps.frames.opened", pulled_out)
    assert main(["app", "detect", "white"]) == Exit.DONE
    assert "camera 0 gives no more pictures: is it still there?" in " ".join(capsys.readouterr().out.split())


def test_no_more_than_was_asked_for(pipeline):
    assert detect(pipeline, Footage("x", False, 10, iter([ball(1)] * 100)), most=3).frames == 3


def test_nothing_on_a_frame_is_no_box():
    frame = ball(1)
    none = Found(np.empty((0, 4)), np.empty(0), np.empty(0, np.int64))
    assert np.array_equal(boxes_on(frame, none, ("ball",)), frame)


def test_words_of_a_box_at_the_upper_edge_are_inside():
    """Where the box begins at row 0 its words stand below that, on their own ground."""
    frame = np.zeros((60, 120, 3), dtype=np.uint8)
    found = Found(np.array([[10.0, 0, 100, 50]]), np.array([0.9]), np.zeros(1, np.int64))
    drawn = boxes_on(frame, found, ("ball",))
    assert (drawn[2:14, 12:40] == 255).all(axis=2).sum() > 20, "white letters"


def test_a_folder_of_pictures_is_footage(tmp_path):
    from PIL import Image

    for number in range(3):
        Image.fromarray(ball(number)).save(tmp_path / f"{number}.png")
    with opened(str(tmp_path)) as footage:
        assert not footage.live
        assert np.array_equal(np.stack(list(footage.frames)), np.stack([ball(n) for n in range(3)]))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.mp4", None, "is no clip, folder or camera: a camera is a number, the first one 0"),
        ("empty.mp4", b"", "cannot be opened: it holds no video"),
        ("words.mp4", b"words " * 100, "cannot be opened: it holds no video"),
    ],
)
def test_what_holds_no_video_is_said(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(NoFrames, match=said), opened(str(tmp_path / name)):
        pass


@pytest.fixture
def loaded(monkeypatch, pipeline):
    monkeypatch.setattr("upslope.ship.predictor.load", lambda word: pipeline)


def test_the_verb_writes_lines_and_a_clip(loaded, clip, tmp_path, capsys):
    out = tmp_path / "boxes.mp4"
    assert main(["app", "detect", "white", "--source", str(clip), "--out", str(out), "--json"]) == Exit.DONE
    *lines, last = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["frame"] for line in lines] == list(range(1, 21))
    assert lines[0]["boxes"][0]["class"] == "ball"
    assert last["frames"] == 20
    assert set(last["milliseconds"]) == set(STAGES)
    assert last["cut_off"] is False
    assert out.exists()
    assert main(["app", "detect", "white", "--source", str(clip), "--out", str(out)]) == Exit.USAGE
    assert "exists already" in capsys.readouterr().err


def test_a_clip_that_breaks_off_is_looked_at_as_far_as_it_goes(loaded, clip, tmp_path, capsys, monkeypatch):
    """A clip that announces more frames than can be read."""
    import upslope.apps.frames as module

    real = module._frames
    monkeypatch.setattr(module, "_frames", lambda capture: (f for n, f in enumerate(real(capture)) if n < 12))
    assert main(["app", "detect", "white", "--source", str(clip)]) == Exit.DONE
    assert "breaks off after 12 of 20 frames" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("name", "live"), [("camera 0", True), ("empty.mp4", False)])
def test_what_opens_and_holds_no_frame_is_said(loaded, tmp_path, capsys, monkeypatch, name, live):
    """No rate of nothing, and no file that a player could not open."""

    @contextmanager
    def empty(source):
        yield Footage(name, live, 30, iter([]))

    monkeypatch.setattr("upslope.apps.frames.opened", empty)
    out = tmp_path / "out.mp4"
    assert main(["app", "detect", "white", "--out", str(out)]) == Exit.NOT
    assert f"{name} holds no frame that can be read" in " ".join(capsys.readouterr().err.split())
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--frames", "0"], "--frames is at least 1, not 0"),
        (["--out", "x.gif"], "--out writes an MP4 clip, and x.gif does not end in .mp4"),
    ],
)
def test_what_cannot_be_asked_for_is_said(loaded, clip, capsys, words, said):
    assert main(["app", "detect", "white", "--source", str(clip), *words]) == Exit.USAGE
    assert said in " ".join(capsys.readouterr().err.split())
