"""Who may ask: this computer's own browser, with the token of this start; nobody else, however a page elsewhere asks.

Loopback alone is no lock: any page that the browser shows can send requests to 127.0.0.1, and a name that a stranger
controls can be pointed there (DNS rebinding). So every request must name a host of ours, come from a page of ours if it
says where it comes from, and carry a cookie that was given in exchange for the token in the address that was opened.
"""

import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
_CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


class Guard:
    """Around the whole application: what is not ours gets a sentence and a status, and never reaches a route."""

    def __init__(self, app: ASGIApp, *, token: str, port: int) -> None:
        self.app, self.token = app, token
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.origins = {f"http://{host}" for host in self.hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # no web sockets here: they would have to be guarded, too
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        answer = self._refused(scope, headers) or self._admitted(scope, headers)
        if answer is not None:
            await answer(scope, receive, _with_headers(send))
            return
        await self.app(scope, _limited(receive), _with_headers(send))

    def _refused(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        host = headers.get("host", "")
        if host not in self.hosts:
            return PlainTextResponse(f"This server answers to {min(self.hosts)} only, not to {host[:100]!r}.", 421)
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins:
            return PlainTextResponse(f"A page of {origin[:100]!r} may not ask this server.", 403)
        site = headers.get("sec-fetch-site", "same-origin")
        if scope["method"] in _CHANGES and (site not in {"same-origin", "none"} or origin is None):
            return PlainTextResponse("Only a page of this server may change something here.", 403)
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            return PlainTextResponse("An address holds no NUL.", 400)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST:
            return PlainTextResponse(f"A request may hold {LARGEST:,} bytes, not {length[:20]}.", 413)
        return None

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


class TooLarge(Exception):
    """A body that goes on after the largest that is taken."""


def _limited(receive: Receive) -> Receive:
    """A body that is longer than it said is not read to its end."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > LARGEST:
            raise TooLarge(f"a request may hold {LARGEST:,} bytes")
        return message

    return limited


def _with_headers(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in message["headers"]}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in own]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return guarded
