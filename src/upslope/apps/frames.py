"""Frames from a clip, a folder of pictures, a camera or a stream, and a clip made of frames."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.image.keypoints import opencv
from upslope.image.read import SUFFIXES, UnreadablePicture, pictures_in, read_picture
from upslope.runs.errors import Problem
from upslope.runs.workspace import short

Frame = NDArray[np.uint8]  # (H, W, 3), red, green, blue
STREAMS = ("rtsp://", "http://", "https://")
RATE = 25.0  # frames a second of what does not say it


class NoFrames(Problem):
    """Nothing to look at, and what to do."""


@dataclass
class Footage:
    """What frames come from. `live`: they come whether or not somebody looks."""

    name: str
    live: bool
    rate: float  # frames a second
    frames: Iterator[Frame] = field(repr=False)
    announced: int = 0  # frames that a clip says it has; 0 where nobody knows


@contextmanager
def opened(source: str) -> Iterator[Footage]:
    """A camera by its number, a stream by its address, a clip, a picture, or a folder of pictures."""
    path = Path(source).expanduser()
    if source.isdigit() or source.startswith(STREAMS):
        with _capture(int(source) if source.isdigit() else source) as capture:
            name = f"camera {source}" if source.isdigit() else source
            yield Footage(name, True, _rate(capture), _frames(capture))
    elif path.is_dir() or path.suffix.lower() in SUFFIXES:
        files = list(pictures_in(path)) if path.is_dir() else [path]
        yield Footage(short(path), False, RATE, _pictures(files), len(files))
    elif not path.exists():
        raise NoFrames(f"{source} is no clip, folder or camera: a camera is a number, the first one 0")
    else:
        with _capture(str(path)) as capture:
            announced = int(capture.get(opencv().CAP_PROP_FRAME_COUNT))
            yield Footage(short(path), False, _rate(capture), _frames(capture), max(announced, 0))


@contextmanager
def _capture(source: int | str) -> Iterator[Any]:
    cv2 = opencv()
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # what it has to say is said below, in a sentence
    before = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    capture = cv2.VideoCapture(source)
    try:
        if not capture.isOpened():
            what = f"camera {source}" if isinstance(source, int) else source
            why = "no such camera, or another program has it" if isinstance(source, int) else "it holds no video"
            raise NoFrames(f"{what} cannot be opened: {why}")
        yield capture
    finally:
        capture.release()
        cv2.utils.logging.setLogLevel(before)


def _rate(capture: Any) -> float:
    rate = float(capture.get(opencv().CAP_PROP_FPS))
    return rate if 0 < rate < 1000 else RATE


def _frames(capture: Any) -> Iterator[Frame]:
    cv2 = opencv()
    while True:
        there, frame = capture.read()
        if not there:
            return
        yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)  # reversing the channels in NumPy takes forty times as long


def _pictures(files: list[Path]) -> Iterator[Frame]:
    for path in files:
        try:
            picture = read_picture(path)
        except UnreadablePicture as problem:
            raise NoFrames(str(problem)) from None
        yield np.rint(255 * np.clip(picture, 0, 1)).astype(np.uint8)


class Clip:
    """An MP4 file that is made of frames; all have the size of the first, and others are brought to it."""

    def __init__(self, path: Path, rate: float) -> None:
        self.path, self.rate = path, rate
        self._writer: Any = None
        self._size = (0, 0)

    def add(self, frame: Frame) -> None:
        """One more frame."""
        cv2 = opencv()
        if self._writer is None:
            self._size = (frame.shape[1] // 2 * 2, frame.shape[0] // 2 * 2)
            self._writer = cv2.VideoWriter(str(self.path), cv2.VideoWriter_fourcc(*"mp4v"), self.rate, self._size)
            if not self._writer.isOpened():
                raise NoFrames(f"{short(self.path)} cannot be written as an MP4 clip")
        if (frame.shape[1], frame.shape[0]) != self._size:
            frame = cv2.resize(frame, self._size, interpolation=cv2.INTER_AREA)
        self._writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Write what belongs at the end of the file: without it no player opens it."""
        if self._writer is not None:
            self._writer.release()
