"""Detection that keeps up with a camera: reading, the network and drawing at the same time, and how long each takes.

Three threads and two short queues: one reads frames and brings them to the network's size, one asks the network, one
draws. Of a clip every frame is looked at; of a live camera only the newest one counts, since an answer about the past
is of no use to anybody. OpenCV, PyTorch and onnxruntime let other threads run meanwhile.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Full, Queue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from upslope.apps.frames import Clip, Footage, Frame
from upslope.image.detections import Found
from upslope.image.keypoints import opencv
from upslope.ship.pipelines.object_detection import Boxed, ObjectDetection

STAGES = ("decode", "prepare", "network", "suppress", "draw", "encode")
COLOURS = ((11, 83, 148), (217, 130, 43), (46, 125, 91), (156, 74, 139), (107, 114, 128))  # a class each
WAITING = 4  # frames in a queue
PATIENCE = 0.1  # seconds after which a thread looks whether another one has ended

Say = Callable[[int, Found], None]


@dataclass
class Rates:
    """How many frames were looked at, how long that took, and how long each stage took for each of them."""

    frames: int = 0
    dropped: int = 0  # of a live source: they came while the network was busy
    seconds: float = 0.0
    to_the_end: bool = False  # nobody ended it: there were no more frames
    stages: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in STAGES})

    @property
    def per_second(self) -> float:
        """Frames a second, from the first to the last."""
        return self.frames / self.seconds if self.seconds else 0.0

    def milliseconds(self, stage: str, share: float) -> float:
        """The quantile of a stage's times."""
        return 1000 * float(np.quantile(self.stages[stage], share)) if self.stages[stage] else 0.0

    @property
    def slowest(self) -> str:
        """The stage with the largest median."""
        return max(STAGES, key=lambda name: self.milliseconds(name, 0.5))


def detect(
    pipeline: ObjectDetection,
    footage: Footage,
    *,
    clip: Clip | None = None,
    say: Say | None = None,
    most: int | None = None,
) -> Rates:
    """Look at every frame of some footage, at most `most`; draw into `clip`, and `say` what each holds.

    What goes wrong in one of the threads ends all three and is raised here; a clip is closed in any case. Ctrl-C ends
    the reading, as one ends a camera: what was read so far is looked at and written.
    """
    rates, ended = Rates(), threading.Event()
    seen: Queue[tuple[Frame, Boxed] | None] = Queue(1 if footage.live else WAITING)
    drawn: Queue[tuple[int, Frame, Found] | None] = Queue(WAITING)
    errors: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # raised again by whoever called
                errors.append(error)
                ended.set()

        return run

    def read() -> None:
        frames = iter(footage.frames)
        while not ended.is_set():
            with _timed(rates, "decode"):
                frame = next(frames, None)
            if frame is None:
                rates.stages["decode"].pop()
                break
            with _timed(rates, "prepare"):
                item = pipeline.boxed(frame, Path("frame"))
            if footage.live:
                rates.dropped += _replace(seen, (frame, item))
            else:
                _put(seen, (frame, item), ended)
        _put(seen, None, ended)

    def write() -> None:
        while (item := _get(drawn, ended)) is not None:
            number, frame, found = item
            if clip is not None:
                with _timed(rates, "draw"):
                    picture = boxes_on(frame, found, pipeline.spec.classes)
                with _timed(rates, "encode"):
                    clip.add(picture)
            if say is not None:
                say(number, found)

    threads = [threading.Thread(target=guarded(work), daemon=True) for work in (read, write)]
    for thread in threads:
        thread.start()
    began = time.perf_counter()
    try:
        with suppress(KeyboardInterrupt):
            while (ready := _get(seen, ended)) is not None and (most is None or rates.frames < most):
                frame, item = ready
                found = _looked_at(pipeline, item, rates)
                rates.frames += 1
                _put(drawn, (rates.frames, frame, found), ended)
            rates.to_the_end = ready is None
        _put(drawn, None, ended)
        threads[1].join()
        rates.seconds = time.perf_counter() - began
    finally:
        ended.set()
        for thread in threads:
            thread.join(timeout=2)
        if clip is not None:
            clip.close()
    if errors:
        raise errors[0]
    return rates


def _looked_at(pipeline: ObjectDetection, item: Boxed, rates: Rates) -> Found:
    with _timed(rates, "network"):
        outputs = pipeline.network.forward(pipeline.preprocess([item]))
    with _timed(rates, "suppress"):
        return pipeline.found(outputs["boxes"][0], outputs["scores"][0], item.done)


def boxes_on(frame: Frame, found: Found, classes: tuple[str, ...]) -> Frame:
    """A copy of a frame with boxes and their classes."""
    cv2 = opencv()
    picture: NDArray[np.uint8] = frame.copy()
    thick = max(1, round(max(frame.shape[:2]) / 500))
    edges = [[round(float(edge)) for edge in box] for box in found.boxes]
    colours = [COLOURS[int(kind) % len(COLOURS)] for kind in found.classes]
    for (left, top, right, bottom), colour in zip(edges, colours, strict=True):
        cv2.rectangle(picture, (left, top), (right, bottom), colour, thick)
    # Words come last, so that no line crosses them, and stay inside of the frame.
    large, white = 0.45 * thick, (255, 255, 255)
    each = zip(edges, colours, found.scores, found.classes, strict=True)
    for (left, top, _, _), colour, score, kind in each:
        words = f"{classes[int(kind)]} {100 * float(score):.0f}"
        (wide, high), under = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, large, thick)
        top = max(top, high + under)
        cv2.rectangle(picture, (left, top - high - under), (left + wide, top), colour, -1)
        cv2.putText(picture, words, (left, top - under // 2), cv2.FONT_HERSHEY_SIMPLEX, large, white, thick)
    return picture


@contextmanager
def _timed(rates: Rates, stage: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    rates.stages[stage].append(time.perf_counter() - began)


def _put(queue: "Queue[Any]", item: Any, ended: threading.Event) -> None:
    """Wait for room, unless everything has ended."""
    while not ended.is_set():
        try:
            queue.put(item, timeout=PATIENCE)
            return
        except Full:
            continue


def _get(queue: "Queue[Any]", ended: threading.Event) -> Any:
    """Wait for an item; None when everything has ended."""
    while not ended.is_set():
        try:
            return queue.get(timeout=PATIENCE)
        except Empty:
            continue
    return None


def _replace(queue: "Queue[Any]", item: Any) -> int:
    """Put an item where one may still lie that nobody has looked at; how many that were."""
    dropped = 0
    while True:
        try:
            queue.put_nowait(item)
            return dropped
        except Full:
            try:
                queue.get_nowait()
                dropped += 1
            except Empty:
                continue
