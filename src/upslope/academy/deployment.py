"""Whether a model is really deployed: a running server is asked for its health and for one prediction.

The server speaks as `upslope serve` does: GET /health says {"status": "ok", "model": ..., "task": ...}, and for the
task text-generation POST /v1/completions goes on with a text. Both answers are kept with the proof. Redirections are
not followed, and no answer is read beyond a megabyte.
"""

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from upslope.academy.guide import CHECKED, Item
from upslope.academy.position import keep_tiers
from upslope.academy.progress import Progress
from upslope.academy.reports import BadReport

PATIENCE = 60.0  # seconds for an answer
MOST = 1_000_000  # bytes of an answer
PROMPT = "a"


class NotServing(RuntimeError):
    """A server that does not answer as it should; the message says what came."""


def add_check(progress: Progress, item: Item, address: str) -> tuple[dict[str, Any], list[str]]:
    """Ask the server, and keep its answers as proof of the item: the answers, and the tiers that are held by it now.

    BadReport where the item is proven in another way, NotServing where the server does not answer: nothing is kept.
    """
    if item.id not in CHECKED:
        raise BadReport(f"check is for {', '.join(sorted(CHECKED))}, which a running server proves, not for {item.id}")
    found = ask(address)
    progress.add("served", item.id, **found)
    return found, keep_tiers(progress)


def ask(address: str) -> dict[str, Any]:
    """Health and one prediction of a server: what it serves, and what it said."""
    base = _base(address)
    health = _json(base, "/health")
    if health.get("status") != "ok":
        raise NotServing(f"{base}/health does not say that it is ok, but {json.dumps(health)[:80]}")
    model, task = str(health.get("model", "")), str(health.get("task", ""))
    if task != "text-generation" or not model:
        raise NotServing(f"{base} serves {model or 'no model'} for {task or 'no task'}, and text-generation is checked")
    body = {"model": model, "prompt": PROMPT, "max_tokens": 8, "temperature": 0, "seed": 0}
    answer = _json(base, "/v1/completions", body)
    try:
        text, tokens = str(answer["choices"][0]["text"]), int(answer["usage"]["completion_tokens"])
    except (KeyError, IndexError, TypeError, ValueError):
        raise NotServing(f"{base}/v1/completions gives no prediction, but {json.dumps(answer)[:80]}") from None
    if tokens < 1:
        raise NotServing(f"{base}/v1/completions predicts nothing for {PROMPT!r}")
    return {"address": base, "model": model, "task": task, "prompt": PROMPT, "prediction": text[:200], "tokens": tokens}


def _base(address: str) -> str:
    """The address without a path: what follows it is known."""
    try:
        parts = urlsplit(address.strip())
        parts.port  # noqa: B018 - one that is no number is refused here
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadReport(f"check is the address of a server, http://127.0.0.1:8650 for instance, not {address}")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _json(base: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(base + path, data, {"content-type": "application/json"})
    try:
        with urllib.request.build_opener(_Stay).open(asked, timeout=PATIENCE) as answer:
            found = json.loads(answer.read(MOST))
    except urllib.error.HTTPError as error:
        with error:
            raise NotServing(f"{base}{path} answers {error.code}") from None
    except urllib.error.URLError as error:
        why = error.reason.strerror if isinstance(error.reason, OSError) and error.reason.strerror else error.reason
        raise NotServing(f"{base} does not answer ({str(why).lower()}): is upslope serve running there?") from None
    except OSError as error:
        raise NotServing(f"{base}{path} does not answer to its end ({type(error).__name__})") from None
    except ValueError:
        raise NotServing(f"{base}{path} answers with something that is not JSON") from None
    if not isinstance(found, dict):
        raise NotServing(f"{base}{path} answers with something that is not an object")
    return found
