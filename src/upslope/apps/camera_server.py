"""The page of `upslope app detect --browser`: the network, the page and the runtime, on loopback, and nothing else.

The page computes in the browser; nothing is sent back. Its headers isolate it from other origins, without which the
browser shares no memory between threads and the runtime uses one of them without saying so (onnxruntime issue 19148).
"""

import json
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from upslope.apps.onnxruntime_web import found
from upslope.runs.model_spec import ModelSpec
from upslope.ship.pipelines.object_detection import ObjectDetection
from upslope.ship.serving.loopback import Visitors, configured, free_port, headers_of

PORT = 8660
PAGE = Path(__file__).parent / "camera_page"
HEADERS = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
    # The runtime compiles WebAssembly and starts workers of its own; everything comes from here.
    "content-security-policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; "
    "style-src 'self'; connect-src 'self'; media-src 'self' blob: mediastream:; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def application(model: Path, spec: ModelSpec, name: str, *, port: int) -> ASGIApp:
    """The page, for an ONNX file that detects; `name` is what people call it."""
    said = json.dumps(page_spec(spec, name))

    async def page(_: Request) -> Response:
        return FileResponse(PAGE / "page.html")

    async def about(_: Request) -> Response:
        return Response(said, media_type="application/json")

    async def weights(_: Request) -> Response:
        return FileResponse(model, media_type="application/octet-stream")

    app = Starlette(
        routes=[
            Route("/", page),
            Route("/spec.json", about),
            Route("/model.onnx", weights),
            Mount("/page", StaticFiles(directory=PAGE)),
            Mount("/ort", StaticFiles(directory=found())),
        ]
    )
    return _Guard(app, port)


def page_spec(spec: ModelSpec, name: str) -> dict[str, Any]:
    """What the page must know of a network."""
    _, height, width = spec.shape
    known = spec.preprocessing
    return {
        "name": name,
        "input": next(iter(spec.inputs)),
        "height": height,
        "width": width,
        "classes": list(spec.classes),
        "score": float(known["score"]),
        "overlap": float(known["overlap"]),
    }


class Server:
    """The page of one network, served until Ctrl-C, or until `end`."""

    def __init__(self, pipeline: ObjectDetection, model: Path, *, port: int = PORT) -> None:
        """`model` is the network's ONNX file."""
        import uvicorn

        self.listener = free_port(port, "app detect RUN --browser")
        self.port = int(self.listener.getsockname()[1])
        app = application(model, pipeline.spec, pipeline.network.name, port=self.port)
        config = configured(app, lifespan="off")
        self._server = uvicorn.Server(config)

    @property
    def address(self) -> str:
        """What a browser opens."""
        return f"http://127.0.0.1:{self.port}/"

    def run(self) -> None:
        """Serve."""
        self._server.run(sockets=[self.listener])

    def end(self) -> None:
        """From another thread: answer nothing more, and return from `run`."""
        self._server.should_exit = True


class _Guard:
    """Around the whole application: strangers' hosts and pages are turned away, and every answer has the headers."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self.app, self.visitors = app, Visitors(port, largest=0, browser=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                more = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        if refused := self.visitors.refused(scope, headers_of(scope)):
            await PlainTextResponse(refused[1], refused[0])(scope, receive, with_headers)
            return
        await self.app(scope, receive, with_headers)
