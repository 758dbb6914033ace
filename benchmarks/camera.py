"""Whether detection keeps up with a camera: the app from clip to clip, beside its network alone and beside 30 a second.

    python benchmarks/camera.py                 two threads
    python benchmarks/camera.py --check         exit status 1 if a bound is broken
    python benchmarks/camera.py --json          one line of JSON

The clip is the car of Intel's sample videos, 768 x 432 pixels; the network is the small one of lab detect, 256 x 192,
as an ONNX file. Its weights are those that it is born with: how long it takes does not depend on them. `whole` is
`upslope app detect --out`: decoding, letterbox, network, suppression, drawing and encoding, in three threads. The
network alone is the same session over the same frames, one after the other. In the browser the same page that a person
opens looks through a camera that Chromium plays from the same frames, which come 60 times a second. Rounds take turns.

A ratio to 30 frames a second is 30 / frames a second: below 1 keeps up.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import onnxruntime
import torch

from upslope.apps.camera_server import Server
from upslope.apps.detect import detect
from upslope.apps.frames import Clip, opened
from upslope.data import bccd
from upslope.data.loading.boxed_pictures import at_size
from upslope.models.build import built
from upslope.ship import formats
from upslope.ship.pipelines.object_detection import ObjectDetection
from upslope.ship.predictor import from_file
from upslope.ship.quantize import quantize
from upslope.training.tasks import object_detection as training

BOUND, WANTED = 2.0, 30.0
WATCHED = 6.0  # seconds that the browser is watched
CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)


def files(folder: Path) -> tuple[Path, Path]:
    """The network in 32 bits and in 8."""
    cells = at_size(bccd.toy(rng=np.random.default_rng(0), count=16), 192, 256)
    network = built("yolo-small", seed=0)
    spec = training.ObjectDetection(network.module, train=cells).spec(network)
    module = formats.built(spec, {name: value.numpy() for name, value in network.module.state_dict().items()})
    whole, small = folder / "whole.onnx", folder / "small.onnx"
    formats.write_onnx(module, spec, whole)
    quantize(whole, small, {"image": cells["image"].transpose(0, 3, 1, 2).astype(np.float32) / 255})
    return whole, small


def frames_of(clip: Path) -> list[np.ndarray]:
    """All frames, in memory."""
    with opened(str(clip)) as footage:
        return list(footage.frames)


def alone(pipeline: ObjectDetection, frames: list[np.ndarray]) -> float:
    """Seconds of the network over all frames."""
    inputs = [pipeline.preprocess([pipeline.boxed(frame, Path("x"))]) for frame in frames]
    began = time.perf_counter()
    for each in inputs:
        pipeline.network.forward(each)
    return time.perf_counter() - began


def whole(pipeline: ObjectDetection, clip: Path, out: Path) -> float:
    """Seconds of the app from clip to clip."""
    with opened(str(clip)) as footage:
        return detect(pipeline, footage, clip=Clip(out, footage.rate)).seconds


def in_the_browser(pipeline: ObjectDetection, model: Path, frames: list[np.ndarray], folder: Path) -> float | None:
    """Frames a second of the page; None where there is no browser or no runtime for it."""
    with suppress(ImportError):
        from playwright.sync_api import sync_playwright

        from upslope.apps.onnxruntime_web import NoWebRuntime, found

        try:
            found()
        except NoWebRuntime:
            return None
        if shutil.which("chromium") is None:
            return None
        camera = folder / "camera.y4m"
        write_y4m(camera, frames[:60])
        server = Server(pipeline, model)
        threading.Thread(target=server.run, daemon=True).start()
        with sync_playwright() as playwright:
            words = [*CHROMIUM, f"--use-file-for-fake-video-capture={camera}"]
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=words)
            page = browser.new_page()
            page.goto(server.address)
            while not page.evaluate("window.upslope?.ready"):
                page.wait_for_timeout(100)
            page.click("#camera")
            page.wait_for_timeout(1000 * WATCHED)
            said = page.evaluate("window.upslope.rates()")
            browser.close()
        server.end()
        return float(said["second"])
    return None


def write_y4m(path: Path, frames: list[np.ndarray]) -> None:
    """Frames as Chromium takes them for a camera: 60 a second, raw."""
    from PIL import Image

    height, width = frames[0].shape[:2]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F60:1 Ip A1:1 C420jpeg\n".encode())
        for frame in frames:
            luma, *chroma = (np.asarray(each) for each in Image.fromarray(frame).convert("YCbCr").split())
            file.write(b"FRAME\n" + luma.tobytes() + b"".join(each[::2, ::2].tobytes() for each in chroma))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit status 1 if a bound is broken")
    parser.add_argument("--json", action="store_true", help="one line of JSON")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()

    clip = Path(os.environ.get("UPSLOPE_MIRROR", "")) / "sample_videos" / "car-detection.mp4"
    if not clip.is_file():
        print("camera: left out, UPSLOPE_MIRROR names no folder with sample_videos", file=sys.stderr)
        return 3 if args.check or args.json else 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        models = dict(zip(("float32", "int8"), files(folder), strict=True))
        pipelines = {name: ObjectDetection(from_file(path)) for name, path in models.items()}
        frames = frames_of(clip)
        seconds: dict[str, list[float]] = {f"{what}, {name}": [] for name in pipelines for what in ("whole", "alone")}
        for _ in range(args.rounds):
            for name, pipeline in pipelines.items():
                seconds[f"whole, {name}"].append(whole(pipeline, clip, folder / "out.mp4"))
                seconds[f"alone, {name}"].append(alone(pipeline, frames))
        pages = {name: in_the_browser(pipelines[name], models[name], frames, folder) for name in pipelines}
    rows = []

    def add(case: str, ratios: list[float], bound: float | None) -> None:
        rows.append({"case": case, "ratio": statistics.median(ratios), "bound": bound, "threads": 2})

    for name in pipelines:
        pairs = list(zip(seconds[f"whole, {name}"], seconds[f"alone, {name}"], strict=True))
        add(
            f"{name}: clip to clip beside the network alone",
            [a / b for a, b in pairs],
            BOUND if name == "float32" else None,
        )
        add(f"{name}: clip to clip beside 30 frames a second", [WANTED * a / len(frames) for a, _ in pairs], 1.0)
    pairs = zip(seconds["alone, int8"], seconds["alone, float32"], strict=True)
    add("the network in int8 beside float32", [a / b for a, b in pairs], None)
    for name, page in pages.items():
        if page:
            add(f"{name}: in Chromium beside 30 frames a second", [WANTED / page], 1.0)
    broken = [str(row["case"]) for row in rows if row["bound"] and round(row["ratio"], 2) > row["bound"]]
    if args.json:
        versions = {"torch": torch.__version__, "onnxruntime": onnxruntime.__version__, "numpy": np.__version__}
        print(json.dumps({"results": rows, "broken": broken, **versions}))
    else:
        for row in rows:
            print(f"{row['case']:<60} {row['ratio']:.2f}" + (f"  (bound {row['bound']:g})" if row["bound"] else ""))
        if broken:
            print(f"bound broken: {'; '.join(broken)}", file=sys.stderr)
    return 1 if args.check and broken else 0


if __name__ == "__main__":
    sys.exit(main())
