"""A server on this computer alone: its socket, its settings, and who may not ask it, whoever it is that asks.

Loopback alone is no lock: any page that a browser shows can send requests to 127.0.0.1, and a name that a stranger
controls can be pointed there (DNS rebinding). So every request must name a host of ours, and come from a page of ours
if it says where it comes from.
"""

import socket
from typing import TYPE_CHECKING, Any

from starlette.types import Message, Receive, Scope

if TYPE_CHECKING:
    import uvicorn

TRIED = 20  # ports that are tried, one after the other
_CHANGES = {"POST", "PUT", "PATCH", "DELETE"}


def configured(app: Any, **more: Any) -> "uvicorn.Config":
    """How every server here runs: it says errors and nothing else, and not what it is; `more` goes to uvicorn.

    Without uvicorn's own logging, which ends all handlers of the process before it sets up its own. That of absl, which
    Keras and TensorFlow bring, closes stderr when it ends.
    """
    import uvicorn

    return uvicorn.Config(app, log_config=None, log_level="error", access_log=False, server_header=False, **more)


def free_port(port: int, verb: str) -> socket.socket:
    """A listening socket on loopback: this port, or the next one that is free. `verb`: what to type for another."""
    for number in range(port, port + TRIED):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", number))
            listener.listen(128)  # now: who opens the address at once waits, and is not turned away
        except (OSError, OverflowError):
            listener.close()
            continue
        return listener
    raise OSError(f"ports {port} to {port + TRIED - 1} are all taken; upslope {verb} --port N takes another")


class Visitors:
    """Whoever asks the server at a port: refused are strangers' hosts and pages, and bodies that are too large."""

    def __init__(self, port: int, *, largest: int, browser: bool) -> None:
        """`browser`: what changes something must come from a page of ours; else programs, which say nothing, may."""
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self.origins = {f"http://{host}" for host in self.hosts}
        self.largest, self.browser = largest, browser

    def refused(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        """A status and a sentence for who is turned away."""
        host = headers.get("host", "")
        if host not in self.hosts:
            return 421, f"This server answers to {min(self.hosts)} only, not to {host[:100]!r}."
        origin = headers.get("origin")
        if origin is not None and origin not in self.origins:
            return 403, f"A page of {origin[:100]!r} may not ask this server."
        site = headers.get("sec-fetch-site", "same-origin")
        nameless = self.browser and origin is None
        if scope["method"] in _CHANGES and (site not in {"same-origin", "none"} or nameless):
            return 403, "Only a page of this server may change something here."
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            return 400, "An address holds no NUL."
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self.largest:
            return 413, f"A request may hold {self.largest:,} bytes, not {length[:20]}."
        return None


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


class TooLarge(Exception):
    """A body that goes on after the largest that is taken."""


def limited(receive: Receive, largest: int) -> Receive:
    """A body that is longer than it said is not read to its end."""
    taken = 0

    async def read() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > largest:
            raise TooLarge(f"a request may hold {largest:,} bytes")
        return message

    return read
