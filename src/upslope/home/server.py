"""The home page's server: routes, what runs behind them, and how it starts. FastAPI on loopback, pages by Jinja."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import FrameType
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from upslope.academy.lessons import Step, UnknownStep, find
from upslope.academy.progress import BadProgress
from upslope.home import guide_page, runs_page, step_page
from upslope.home.grader import Grader
from upslope.home.lab_queue import LabQueue
from upslope.home.render import KNOWN
from upslope.home.security import Guard
from upslope.home.stream import changes, fingerprint
from upslope.runs.errors import Problem
from upslope.runs.workspace import progress_file, runs_folder
from upslope.ship.serving.loopback import TooLarge, configured, free_port

PORT = 8642


def application(grader: Grader, queue: LabQueue, ending: Callable[[], bool] = lambda: False) -> FastAPI:
    """All routes. Whoever may ask is decided around it (security.py). `ending` tells the streams to close."""

    @contextlib.asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        grader.start()
        queue.start()
        yield
        queue.stop()
        await asyncio.to_thread(grader.stop)

    app = FastAPI(title="Upslope", lifespan=running, docs_url=None, redoc_url=None)
    app.mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    _guide(app)
    _steps(app, grader)
    _runs(app, queue)

    def look() -> dict[str, int]:
        return fingerprint(progress_file(), runs_folder(), graded=grader.done, line=queue.line())

    @app.get("/stream")
    async def stream(request: Request) -> Response:
        async def gone() -> bool:
            return ending() or await request.is_disconnected()

        return StreamingResponse(changes(look, gone), media_type="text/event-stream")

    app.add_middleware(_Knowing, look=look)
    _sentences(app)
    return app


class _Knowing:
    """Notes what the stream would say, before a route reads anything: nothing that comes later is missed."""

    def __init__(self, app: ASGIApp, look: Callable[[], dict[str, int]]) -> None:
        self.app, self.look = app, look

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(("/static", "/stream")):
            KNOWN.set(json.dumps(await asyncio.to_thread(self.look)))
        await self.app(scope, receive, send)


def _guide(app: FastAPI) -> None:
    @app.get("/")
    def guide(request: Request, state: str = "", q: str = "", first: str = "") -> Response:
        return guide_page.show(state=state, query=q, first=first or request.cookies.get("first", ""))

    @app.get("/item/{name}")
    def item(name: str) -> Response:
        return guide_page.show_item(name)

    @app.post("/item/{name}/report")
    async def report(name: str, request: Request) -> Response:
        return await asyncio.to_thread(guide_page.report, name, await form(request))


def _steps(app: FastAPI, grader: Grader) -> None:
    @app.get("/step/{name}")
    def step(name: str) -> Response:
        return step_page.show(_step(name), grader)

    @app.post("/step/{name}/save")
    async def save(name: str, request: Request) -> Response:
        given = await form(request)
        asked = _step(name, exercise=True)
        return await asyncio.to_thread(step_page.save, asked, given.get("text", ""), given.get("read", ""), grader)

    @app.post("/step/{name}/begin")
    def begin(name: str) -> Response:
        return step_page.begin(_step(name, exercise=True))

    @app.post("/step/{name}/hint")
    def hint(name: str) -> Response:
        return step_page.hint(_step(name, exercise=True))

    @app.post("/step/{name}/note")
    async def note(name: str, request: Request) -> Response:
        return await asyncio.to_thread(step_page.note, _step(name), (await form(request)).get("text", ""))


def _runs(app: FastAPI, queue: LabQueue) -> None:
    @app.get("/runs")
    def runs() -> Response:
        return runs_page.show_list(queue)

    @app.get("/runs/{name}")
    def run(name: str) -> Response:
        return runs_page.show_run(name, queue)

    @app.get("/compare")
    def compare(one: str = "", two: str = "") -> Response:
        return runs_page.compare(one, two)

    @app.get("/runs/{name}/pictures/{file}")
    def picture(name: str, file: str) -> Response:
        return runs_page.picture(name, file)

    @app.post("/runs/{name}/resume")
    def resume(name: str) -> Response:
        return runs_page.resume(name, queue)

    @app.get("/lab/{name}")
    def lab(name: str) -> Response:
        return runs_page.show_lab(name)

    @app.post("/lab/{name}/start")
    async def start(name: str, request: Request) -> Response:
        return await asyncio.to_thread(runs_page.start, name, await form(request), queue)

    @app.post("/queue/{number}/stop")
    def stop(number: int) -> Response:
        queue.take_back(number)
        return RedirectResponse("/runs", status_code=303)


def _sentences(app: FastAPI) -> None:
    """What goes wrong is a sentence with a status; a fault of ours is the only 500."""

    def sentence(status: int) -> object:
        def answer(_: Request, error: Exception) -> Response:
            return PlainTextResponse(str(error), status)

        return answer

    def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return PlainTextResponse(str(error.detail), error.status_code)

    app.add_exception_handler(HTTPException, http)
    for kind, status in ((TooLarge, 413), (Problem, 404), (LookupError, 404), (BadProgress, 503), (OSError, 503)):
        app.add_exception_handler(kind, sentence(status))  # type: ignore[arg-type]


def _step(name: str, *, exercise: bool = False) -> Step:
    try:
        step = find(name)
    except UnknownStep as error:
        raise HTTPException(404, str(error)) from None
    if exercise and not step.exercise:
        raise HTTPException(404, f"{step.name} asks for no code.")
    return step


async def form(request: Request) -> dict[str, str]:
    """The fields of a form, each once. What is no text, NUL among it, becomes the sign for that."""
    body = (await request.body()).decode("utf-8", "replace")
    fields = parse_qs(body, keep_blank_values=True, errors="replace")
    return {name: values[-1].replace("\0", "\N{REPLACEMENT CHARACTER}") for name, values in fields.items()}


class Home:
    """A server that is ready to run: its address holds the token of this start."""

    def __init__(self, port: int = PORT) -> None:
        self.listener = free_port(port, "open")
        self.port = int(self.listener.getsockname()[1])
        self.token = secrets.token_urlsafe(24)
        self.grader, self.queue = Grader(), LabQueue()
        self.ending = False
        app = application(self.grader, self.queue, lambda: self.ending)
        self.app = Guard(app, token=self.token, port=self.port)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    def run(self) -> None:
        """Serve until Ctrl-C."""
        import uvicorn

        config = configured(self.app, timeout_graceful_shutdown=3)
        home = self

        class Server(uvicorn.Server):
            def handle_exit(self, sig: int, frame: FrameType | None) -> None:
                home.ending = True
                super().handle_exit(sig, frame)

        Server(config).run(sockets=[self.listener])
