"""The endpoint: a language model behind OpenAI's API, on this computer only. FastAPI, a scheduler's thread behind it.

GET /health, /v1/models; POST /v1/completions, /v1/chat/completions, /v1/embeddings. Requests run together in slots
(scheduler.py); who finds slots and queue full is told 429 and when to come again; who leaves frees a slot.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from importlib import metadata
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from upslope.runs.errors import Problem, RunProblem
from upslope.ship.language.continuation import Continuation
from upslope.ship.language.language_model import LanguageModel
from upslope.ship.serving.answers import Answer, Written
from upslope.ship.serving.api_error import ApiError, of_validation
from upslope.ship.serving.api_requests import Chat, Completion, Embedding, Generated, refused
from upslope.ship.serving.loopback import TooLarge, Visitors, configured, free_port, headers_of, limited
from upslope.ship.serving.scheduler import QUEUE, SLOTS, Scheduler
from upslope.ship.serving.sentences import Sentences
from upslope.ship.serving.texts import ClientLeft, Texts

PORT = 8650
LARGEST = 4_000_000  # bytes of a request's body
MOST_TOKENS = 16  # of a completion whose length is not said, as at OpenAI's
Asked = TypeVar("Asked", bound=BaseModel)


def application(
    model: LanguageModel | None, sentences: Sentences, *, slots: int = SLOTS, queue: int = QUEUE
) -> FastAPI:
    """All routes; without a language model, those of the embeddings alone answer."""
    scheduler = Scheduler(model, slots=slots, queue=queue) if model is not None else None

    @contextlib.asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        if scheduler is not None:
            scheduler.start()
        yield
        if scheduler is not None:
            await asyncio.to_thread(scheduler.stop)

    app = FastAPI(title="Upslope", lifespan=running, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.scheduler = scheduler
    begun = int(time.time())

    @app.get("/health")
    def health() -> dict[str, Any]:
        name = model.name if model is not None else sentences.name
        task = "text-generation" if model is not None else "sentence-similarity"
        said = {"status": "ok", "model": name, "task": task, "version": _version(), "slots": slots, "queue": queue}
        busy = {"running": scheduler.running, "waiting": scheduler.waiting} if scheduler is not None else {}
        return said | busy

    def listed() -> list[dict[str, Any]]:
        names = [model.name] if model is not None else []
        names += [sentences.name] if sentences.here else []
        return [{"id": name, "object": "model", "created": begun, "owned_by": "upslope"} for name in names]

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": listed()}

    @app.get("/v1/models/{name:path}")
    def one(name: str) -> dict[str, Any]:
        for each in listed():
            if each["id"] == name:
                return each
        raise _no_model(name, listed())

    def known(name: str) -> tuple[LanguageModel, Scheduler]:
        if model is None or scheduler is None or name not in ("", model.name):
            raise _no_model(name, [each for each in listed() if model is not None and each["id"] == model.name])
        return model, scheduler

    @app.post("/v1/completions")
    async def completions(request: Request) -> Response:
        asked = await _asked(request, Completion)
        language, line = known(asked.model)

        def begin() -> tuple[list[Continuation], int]:
            settings = asked.settings(language.defaults, most=MOST_TOKENS, top_logprobs=asked.logprobs)
            prompts = [_tokens(language, prompt) for prompt in asked.prompts]
            texts = [text for prompt in prompts for text in _begun(language, prompt, settings, asked.n)]
            return texts, sum(map(len, prompts))

        texts, read = await _begin(begin)
        answer = Answer(language, chat=False, logprobs=asked.logprobs is not None, prompt_tokens=read)
        return await _respond(answer, Texts(line, texts, request), asked)

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        asked = await _asked(request, Chat)
        language, line = known(asked.model)
        if language.template is None:
            raise ApiError(400, f"{language.name} continues texts and does not converse: ask /v1/completions")
        if asked.top_logprobs is not None and not asked.logprobs:
            raise ApiError(400, "top_logprobs needs logprobs to be true", param="top_logprobs")

        def begin() -> tuple[list[Continuation], int]:
            tokens = language.tokens_of([message.plain() for message in asked.messages])
            asked.max_tokens = asked.max_completion_tokens or asked.max_tokens
            top = (asked.top_logprobs or 0) if asked.logprobs else None
            settings = asked.settings(language.defaults, most=language.context, top_logprobs=top)
            return _begun(language, tokens, settings, asked.n), len(tokens)

        texts, read = await _begin(begin)
        answer = Answer(language, chat=True, logprobs=bool(asked.logprobs), prompt_tokens=read)
        return await _respond(answer, Texts(line, texts, request), asked)

    @app.post("/v1/embeddings")
    async def embeddings(request: Request) -> Response:
        asked = await _asked(request, Embedding)
        if asked.model not in ("", sentences.name):
            raise _no_model(asked.model, listed())
        if not sentences.here:
            raise ApiError(404, f"{sentences.name} is not here: upslope model get {sentences.name}", param="model")
        if asked.dimensions is not None:
            raise ApiError(400, "vectors are given whole: leave dimensions out", param="dimensions")
        if sentences.waiting >= queue + 1:
            busy = ApiError(429, "the server is busy: try again in 1 second", code="rate_limit_exceeded")
            busy.headers = {"retry-after": "1"}
            raise busy
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        sentences.waiting += 1
        try:
            said = await asyncio.to_thread(sentences.answer, texts, base64_=asked.encoding_format == "base64")
        finally:
            sentences.waiting -= 1
        return JSONResponse(said)

    _errors(app)
    return app


def _version() -> str:
    try:
        return metadata.version("upslope")
    except metadata.PackageNotFoundError:
        return ""


def _no_model(name: str, there: list[dict[str, Any]]) -> ApiError:
    names = ", ".join(each["id"] for each in there) or "none that does this"
    return ApiError(
        404, f"there is no model {name[:60]!r} here (models: {names})", param="model", code="model_not_found"
    )


async def _asked(request: Request, kind: type[Asked]) -> Asked:
    """The body of a request."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ApiError(415, "a request is JSON: content-type is to be application/json")
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        raise of_validation(error) from None


def _tokens(model: LanguageModel, prompt: str | list[int]) -> list[int]:
    if isinstance(prompt, str):
        return model.tokens_of_text(prompt)
    if not prompt or not all(0 <= token < len(model.vocabulary.tokens) for token in prompt):
        raise ApiError(400, f"a prompt of tokens has ids from 0 to {len(model.vocabulary.tokens) - 1}", param="prompt")
    return prompt


def _begun(model: LanguageModel, tokens: list[int], settings: Any, count: int) -> list[Continuation]:
    """`count` continuations of a text, each with a seed of its own."""
    return [model.begin_text(tokens, replace(settings, seed=settings.seed + number)) for number in range(count)]


async def _begin(begin: Callable[[], tuple[list[Continuation], int]]) -> tuple[list[Continuation], int]:
    """Tokens and patterns are made beside the loop: a long text takes a while."""
    try:
        return await asyncio.to_thread(begin)
    except RunProblem as problem:
        raise refused(problem) from None


async def _respond(answer: Answer, texts: Texts, asked: Generated) -> Response:
    if asked.stream:
        usage = asked.stream_options is not None and asked.stream_options.include_usage
        events = _stream(answer, texts, usage=usage)
        return StreamingResponse(events, media_type="text/event-stream", headers={"cache-control": "no-store"})
    written = [Written() for _ in range(texts.count)]
    try:
        async for number, piece in texts.pieces():
            written[number].take(piece, answer.model.ends)
    except ClientLeft:
        return Response(status_code=499)
    return JSONResponse(answer.whole(written))


async def _stream(answer: Answer, texts: Texts, *, usage: bool) -> AsyncIterator[str]:
    """Server-sent events; what goes wrong on the way is the last of them."""
    tokens = 0
    pieces = texts.pieces()
    try:
        if answer.chat:
            for number in range(texts.count):
                yield _event(answer.opening(number))
        async for number, piece in pieces:
            tokens += 1
            if piece.text or piece.finish or answer.logprobs:
                yield _event(answer.chunk(number, piece))
        if usage:
            yield _event(answer.closing(tokens))
        yield "data: [DONE]\n\n"
    except ApiError as error:
        yield _event(error.body)
    except ClientLeft:
        return
    finally:
        await pieces.aclose()


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"


def _errors(app: FastAPI) -> None:
    """Everything that goes wrong has OpenAI's form; a fault of ours is the only 500."""

    def said(_: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return error.response()

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        what = f"there is no {request.method} {request.url.path[:100]} here" if error.status_code in (404, 405) else ""
        return ApiError(error.status_code, what or str(error.detail)).response()

    def sentence(status: int) -> Any:
        return lambda _, error: ApiError(status, str(error)).response()

    app.add_exception_handler(ApiError, said)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(TooLarge, sentence(413))
    app.add_exception_handler(Problem, sentence(400))
    app.add_exception_handler(
        Exception, lambda _, error: ApiError(500, f"a fault of Upslope itself, {type(error).__name__}").response()
    )


class LocalOnly:
    """Around the application: strangers' hosts and pages get a sentence and never reach a route."""

    def __init__(self, app: ASGIApp, *, port: int) -> None:
        self.app, self.visitors = app, Visitors(port, largest=LARGEST, browser=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self.visitors.refused(scope, headers_of(scope))
            if refusal is not None:
                await ApiError(*refusal).response()(scope, receive, send)
                return
            receive = limited(receive, LARGEST)
        elif scope["type"] != "lifespan":
            return  # no web sockets here
        await self.app(scope, receive, send)


class Server:
    """A server that is ready to run: its socket listens already."""

    def __init__(
        self,
        model: LanguageModel | None,
        sentences: Sentences,
        *,
        port: int = PORT,
        slots: int = SLOTS,
        queue: int = QUEUE,
    ) -> None:
        import uvicorn

        self.listener = free_port(port, "serve")
        self.port = int(self.listener.getsockname()[1])
        self.app = application(model, sentences, slots=slots, queue=queue)
        config = configured(LocalOnly(self.app, port=self.port), timeout_graceful_shutdown=3)
        self._server = uvicorn.Server(config)

    @property
    def address(self) -> str:
        """What a client takes for its base_url."""
        return f"http://127.0.0.1:{self.port}/v1"

    def run(self) -> None:
        """Serve until Ctrl-C, or until `end`."""
        self._server.run(sockets=[self.listener])

    def end(self) -> None:
        """From another thread: answer nothing more, and return from `run`."""
        self._server.should_exit = True
