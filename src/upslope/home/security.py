"""Who may ask: this computer's own browser, with the token of this start; nobody else, however a page elsewhere asks.

Strangers' hosts and pages are turned away as from every server of ours (ship/serving/loopback.py). Beyond that every
request must carry a cookie that was given in exchange for the token in the address that was opened.
"""

import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from upslope.ship.serving.loopback import Visitors, headers_of, limited

COOKIE = "upslope"
LARGEST = 2_000_000  # bytes of a request's body
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with no-referrer a form of ours would say that it comes from nowhere
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Around the whole application: what is not ours gets a sentence and a status, and never reaches a route."""

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self.app, self.token = app, token
        self.visitors = Visitors(port, largest=LARGEST, browser=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets here: they would have to be guarded, too
        headers = headers_of(scope)
        refused = self.visitors.refused(scope, headers)
        answer = PlainTextResponse(refused[1], refused[0]) if refused else self._admitted(scope, headers)
        if answer is not None:
            await answer(scope, receive, _with_headers(send))
            return
        await self.app(scope, limited(receive, LARGEST), _with_headers(send))

    def _admitted(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        """None for who has the cookie; the cookie for who brings the token; a sentence for everybody else."""
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = query.pop("token", [""])[0]
        if given and self._same(given):
            rest = urlencode(query, doseq=True)
            answer: Response = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), status_code=303)
            answer.set_cookie(COOKIE, self.token, httponly=True, samesite="strict", path="/")
            return answer
        if self._same(_cookie(headers.get("cookie", ""))):
            return None
        said = "This page opens from the address that `upslope open` printed; it holds the token of this start."
        return PlainTextResponse(said, 403)

    def _same(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())


def _cookie(text: str) -> str:
    try:
        found = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found is not None else ""


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in message["headers"]}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in own]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return guarded
