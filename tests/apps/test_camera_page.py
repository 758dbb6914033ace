"""Detection in the browser: what a page finds is what Python finds, and nothing leaves the machine.

No test asks how fast the machine is: each waits for what must come.
"""

import base64
import json
import shutil
import subprocess
import threading

import numpy as np
import pytest

pytest.importorskip("torch", reason="models are made of PyTorch")
pytest.importorskip("onnxscript")

import torch
from starlette.testclient import TestClient
from tests.home.conftest import CHROMIUM

from upslope.apps import camera_server, onnxruntime_web
from upslope.apps.camera_server import PAGE, Server, application
from upslope.apps.onnxruntime_web import NoWebRuntime
from upslope.data import bccd
from upslope.data.loading.boxed_pictures import at_size
from upslope.data.loading.photographs import scenes
from upslope.image.detections import found
from upslope.image.letterbox import GREY, letterbox, undo_letterbox
from upslope.models.build import built
from upslope.ship import formats
from upslope.ship.pipelines.object_detection import ObjectDetection
from upslope.ship.pipelines.pipeline import LoadedModel
from upslope.ship.predictor import in_torch
from upslope.training.tasks import object_detection as training

TOY = {"widths": (4, 8, 8, 8, 8), "depths": (1, 1, 1, 1), "bins": 8}
WAIT = 120_000  # milliseconds for what must come


@pytest.fixture(scope="module")
def pipeline():
    """A network that finds much, with scores far apart, so that the last bit decides nothing."""
    network = built("yolo-small", seed=0, **TOY)
    for norm in (each for each in network.module.modules() if isinstance(each, torch.nn.BatchNorm2d)):
        norm.momentum = 1.0
    seen = torch.from_numpy(frames(16, 64, 96)).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        network.module(seen)  # in training: what is typical of its maps
        for head in network.module.heads:
            head.classes[-1].weight.mul_(2)
            head.classes[-1].bias.zero_()
    task = training.ObjectDetection(
        network.module, train=at_size(bccd.toy(rng=np.random.default_rng(0), count=4), 64, 96)
    )
    task.threshold = 0.55
    spec = task.spec(network)
    module = formats.built(spec, {name: value.numpy() for name, value in network.module.state_dict().items()})
    return ObjectDetection(LoadedModel("cells", spec, in_torch(module, spec), module))


@pytest.fixture(scope="module")
def model(pipeline, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "cells.onnx"
    formats.write_onnx(pipeline.network.module, pipeline.spec, path)
    return path


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    """Stands for the files of npm, where they are not needed."""
    for name in onnxruntime_web.FILES:
        (tmp_path / name).write_text("// not the real one")
    monkeypatch.setattr(onnxruntime_web, "folder", lambda: tmp_path)


def frames(count, height=130, width=210):
    return (255 * scenes(count, rng=np.random.default_rng(2), height=height, width=width)).astype(np.uint8)


def of_python(pipeline, frame):
    from pathlib import Path

    item = pipeline.boxed(frame, Path("frame"))
    outputs = pipeline.network.forward(pipeline.preprocess([item]))
    return pipeline.found(outputs["boxes"][0], outputs["scores"][0], item.done)


NODE = """
import {{ found, letterbox, undo }} from "{script}";
import fs from "fs";
const cases = JSON.parse(fs.readFileSync(0, "utf8"));
const made = cases.map((one) => {{
  const pixels = new Uint8ClampedArray(Buffer.from(one.pixels, "base64"));
  const {{ input, done }} = letterbox(pixels, one.frame[0], one.frame[1], one.size[0], one.size[1]);
  const things = found(new Float32Array(one.boxes.flat()), new Float32Array(one.scores.flat()), 3, one.limits);
  const boxes = things.map((thing) => undo(thing.box, done, one.size[0], one.size[1]));
  return {{ input: Array.from(input), things, boxes }};
}});
console.log(JSON.stringify(made));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
def test_the_scripts_arithmetic_is_pythons(tmp_path):
    """Letterbox, suppression and the way back, for frames and canvases of any shape."""
    rng = np.random.default_rng(0)
    cases, expected = [], []
    for height, width, size in [(130, 210, (64, 96)), (50, 333, (64, 96)), (300, 100, (96, 64)), (40, 40, (64, 64))]:
        frame = frames(1, height, width)[0]
        first = rng.uniform(0, 0.8, (40, 2)).astype(np.float32)
        boxes = np.concatenate([first, first + rng.uniform(0.02, 0.3, (40, 2)).astype(np.float32)], axis=1)
        scores = rng.random((40, 3)).astype(np.float32)
        rgba = np.concatenate([frame, np.full((height, width, 1), 255, np.uint8)], axis=2)
        cases.append(
            {
                "pixels": base64.b64encode(rgba.tobytes()).decode(),
                "frame": [height, width],
                "size": list(size),
                "boxes": boxes.tolist(),
                "scores": scores.tolist(),
                "limits": {"least": 0.4, "overlap": 0.3},
            }
        )
        canvas, done = letterbox(frame, size, fill=255 * GREY)
        one = found(boxes, scores, least=0.4, overlap=0.3)
        pixels = one.boxes * np.array([size[1], size[0]] * 2, dtype=np.float32)
        expected.append((np.rint(canvas).transpose(2, 0, 1), one, undo_letterbox(pixels, done)))
    shutil.copy(PAGE / "found.js", tmp_path / "found.mjs")
    (tmp_path / "try.mjs").write_text(NODE.format(script="./found.mjs"))
    done = subprocess.run(
        ["node", "try.mjs"], input=json.dumps(cases), capture_output=True, text=True, cwd=tmp_path, check=True
    )
    for made, (canvas, one, boxes) in zip(json.loads(done.stdout), expected, strict=True):
        off = np.abs(255 * np.array(made["input"]).reshape(canvas.shape) - canvas)
        assert off.max() <= 1.001, "at most a level of brightness, where the last digit rounds"
        assert (off > 0.5).mean() < 1e-4
        assert [thing["kind"] for thing in made["things"]] == one.classes.tolist()
        np.testing.assert_allclose([thing["score"] for thing in made["things"]], one.scores, atol=1e-6)
        np.testing.assert_allclose(made["boxes"], boxes, atol=1e-3)


def test_the_page_is_isolated_and_strangers_are_turned_away(pipeline, model, runtime):
    app = application(model, pipeline.spec, "cells", port=8660)
    client = TestClient(app, base_url="http://127.0.0.1:8660")
    for path in ("/", "/spec.json", "/model.onnx", "/page/camera.js", "/ort/ort.wasm.min.mjs"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-embedder-policy"] == "require-corp"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    said = client.get("/spec.json").json()
    assert (said["height"], said["width"], said["classes"]) == (64, 96, ["RBC", "WBC", "Platelets"])
    assert client.get("/page/../camera_server.py").status_code == 404
    assert client.get("/", headers={"host": "evil.example"}).status_code == 421
    assert client.get("/", headers={"origin": "http://evil.example"}).status_code == 403


def test_what_is_missing_is_said_with_what_to_type(monkeypatch, tmp_path):
    monkeypatch.setattr(onnxruntime_web, "folder", lambda: tmp_path)
    with pytest.raises(NoWebRuntime, match="make web, or python -m "):
        onnxruntime_web.found()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(NoWebRuntime, match="comes from npm, which is not installed"):
        onnxruntime_web.take()


def _runtime_is_here():
    try:
        onnxruntime_web.found()
    except NoWebRuntime:
        return False
    return True


@pytest.fixture(scope="module")
def address(pipeline, model):
    server = Server(pipeline, model, port=camera_server.PORT)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.address
    server.end()
    thread.join(timeout=10)


CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    """A clip as Chromium takes it for a camera: raw frames of luma and chroma, Y4M."""
    from PIL import Image

    path = tmp_path_factory.mktemp("camera") / "camera.y4m"
    with path.open("wb") as file:
        file.write(b"YUV4MPEG2 W320 H180 F25:1 Ip A1:1 C420jpeg\n")
        for frame in frames(10, 180, 320):
            luma, *chroma = (np.asarray(each) for each in Image.fromarray(frame).convert("YCbCr").split())
            file.write(b"FRAME\n" + luma.tobytes() + b"".join(each[::2, ::2].tobytes() for each in chroma))
    return path


@pytest.fixture(scope="module")
def browser(camera):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        words = [*CHROMIUM, *CAMERA, f"--use-file-for-fake-video-capture={camera}"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=words)
        yield browser
        browser.close()


def until(page, said):
    """Wait until a script says so; the page's own policy forbids Playwright's way, which evaluates in the page."""
    for _ in range(WAIT // 100):
        if page.evaluate(said):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{said} never came; the page says: {page.inner_text('main')} {page.complaints}")


@pytest.fixture
def page(browser, address):
    page = browser.new_page()
    page.set_default_timeout(WAIT)
    page.strangers, page.complaints = [], []
    page.on(
        "request", lambda r: None if r.url.startswith((address, "blob:", "data:")) else page.strangers.append(r.url)
    )
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
    page.goto(address)
    until(page, "window.upslope?.ready")
    yield page
    page.close()


IN_A_WORKER = """async ([frames, height, width]) => {
  const worker = new Worker("/page/detector.js", { type: "module" });
  const answer = () => new Promise((done) => (worker.onmessage = ({ data }) => done(data)));
  const ready = await answer();
  const found = [];
  for (const text of frames) {
    const pixels = Uint8ClampedArray.from(atob(text), (c) => c.charCodeAt(0)).buffer;
    worker.postMessage({ number: 1, pixels, height, width }, [pixels]);
    const { things, error } = await answer();
    found.push(error ?? things);
  }
  return { found, threads: ready.threads, isolated: crossOriginIsolated };
}"""


def there(one, others):
    """Whether among others is a box of the same class with the same edges and score."""
    kind, score, box = one
    return any(kind == k and abs(score - s) <= 0.01 and np.abs(np.subtract(box, b)).max() <= 1.0 for k, s, b in others)


@pytest.mark.needs("browser")
@pytest.mark.skipif(not _runtime_is_here(), reason="onnxruntime-web is not here: make web")
def test_a_page_finds_what_python_finds(page, pipeline):
    """On 50 frames: boxes within a pixel, scores within 0.01."""
    some = frames(50)
    height, width = some.shape[1:3]
    opaque = np.full((height, width, 1), 255, np.uint8)
    texts = [base64.b64encode(np.concatenate([frame, opaque], axis=2).tobytes()).decode() for frame in some]
    said = page.evaluate(IN_A_WORKER, [texts, height, width])
    assert said["isolated"], "without it there is one thread, and nobody says so"
    boxes = 0
    for things, frame in zip(said["found"], some, strict=True):
        one = of_python(pipeline, frame)
        mine = [(thing["kind"], thing["score"], thing["box"]) for thing in things]
        theirs = list(zip(one.classes.tolist(), one.scores.tolist(), one.boxes.tolist(), strict=True))
        assert all(there(each, theirs) for each in mine if each[1] > 0.56), "what is at the limit may be on either side"
        assert all(there(each, mine) for each in theirs if each[1] > 0.56)
        boxes += len(things)
    assert boxes >= 50
    assert page.strangers == []


@pytest.mark.needs("browser")
@pytest.mark.skipif(not _runtime_is_here(), reason="onnxruntime-web is not here: make web")
def test_the_camera_is_looked_through(page):
    page.click("#camera")
    until(page, "window.upslope.looked >= 20")
    assert "frames a second" in page.inner_text("#rate")
    assert "network" in page.inner_text("#stages")
    drawn = "() => document.getElementById('overlay').getContext('2d').getImageData(0, 0, 320, 180).data.some((v) => v)"
    until(page, f"({drawn})()")
    assert page.strangers == []
    assert page.complaints == []
