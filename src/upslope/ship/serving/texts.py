"""The texts of one request, from the scheduler's thread to the client: pieces as they come, until nobody listens."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence

from starlette.requests import Request

from upslope.runs.errors import Problem
from upslope.ship.language.continuation import Continuation, Piece
from upslope.ship.serving.api_error import ApiError
from upslope.ship.serving.scheduler import Overloaded, Scheduler, Ticket


class ClientLeft(Exception):
    """Nobody waits for the answer."""


class Texts:
    """Handed in together: all of them have a place, or none. ApiError 429 where there is no room."""

    def __init__(self, scheduler: Scheduler, texts: Sequence[Continuation], request: Request) -> None:
        self.count, self.request = len(texts), request
        self._came: asyncio.Queue[tuple[int, Piece | Exception]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def ticket(number: int, text: Continuation) -> Ticket:
            def deliver(what: Piece | Exception) -> None:
                loop.call_soon_threadsafe(self._came.put_nowait, (number, what))

            return Ticket(text, deliver)

        self._tickets = [ticket(number, text) for number, text in enumerate(texts)]
        try:
            scheduler.submit(self._tickets)
        except Overloaded as error:
            busy = ApiError(429, str(error), code="rate_limit_exceeded")
            busy.headers = {"retry-after": str(error.seconds)}
            raise busy from None
        self._watching = asyncio.create_task(self._watch())

    async def pieces(self) -> AsyncGenerator[tuple[int, Piece]]:
        """The number of a text and its next piece, in the order in which they come; ClientLeft when nobody listens."""
        open_ = self.count
        try:
            while open_:
                number, what = await self._came.get()
                if isinstance(what, Problem):
                    raise ApiError(400, str(what))
                if isinstance(what, Exception):
                    raise what
                open_ -= bool(what.finish)
                yield number, what
        finally:
            self._leave()
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching

    def _leave(self) -> None:
        for ticket in self._tickets:
            ticket.leave()

    async def _watch(self) -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            pass
        self._leave()
        self._came.put_nowait((0, ClientLeft()))
