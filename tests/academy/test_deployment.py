"""A server that answers is proof of the item that asks for one, and of nothing else."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from upslope.academy.deployment import NotServing, add_check, ask
from upslope.academy.evidence import read_evidence
from upslope.academy.guide import find_item
from upslope.academy.guide_state import climb
from upslope.academy.progress import Progress
from upslope.academy.reports import BadReport

ITEM = "5.tensorflow.deploy"
HEALTH = {"status": "ok", "model": "gpt-0001", "task": "text-generation"}
ANSWER = {"choices": [{"text": "bc"}], "usage": {"completion_tokens": 2}}


@contextmanager
def server(health=HEALTH, answer=ANSWER, status=200):
    """Whatever it is told to say."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.say(health)

        def do_POST(self):
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.say(answer)

        def say(self, what):
            body = what if isinstance(what, bytes) else json.dumps(what).encode()
            self.send_response(status)
            self.send_header("location", "http://127.0.0.1:1/")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{found.server_port}", asked
        finally:
            found.shutdown()
            thread.join()


def test_a_server_that_answers_proves_the_item(tmp_path):
    progress = Progress(tmp_path / "progress.db")
    before = climb(read_evidence(progress.path)).states[ITEM]
    assert (before.state, before.proven.of) == ("open", 1)
    with server() as (address, asked):
        found, _ = add_check(progress, find_item(ITEM), f"{address}/v1/")
    assert (found["address"], found["model"], found["prediction"]) == (address, "gpt-0001", "bc")
    assert asked[0]["model"] == "gpt-0001"
    after = climb(read_evidence(progress.path))
    assert after.states[ITEM].state == "proven"
    assert after.states[ITEM].by == (f"gpt-0001 served at {address}",)
    assert after.states["A.silver.deploy"].state == "proven"


def test_a_report_alone_does_not(tmp_path):
    progress = Progress(tmp_path / "progress.db")
    progress.add("report", ITEM, link="https://example.org/model")
    assert climb(read_evidence(progress.path)).states[ITEM].state == "reported"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"health": {"status": "starting"}}, "does not say that it is ok"),
        ({"health": {**HEALTH, "task": "image-classification"}}, "text-generation is checked"),
        ({"health": [1]}, "not an object"),
        ({"health": b"<html>"}, "not JSON"),
        ({"answer": {"choices": []}}, "gives no prediction"),
        ({"answer": {"choices": [{"text": ""}], "usage": {"completion_tokens": 0}}}, "predicts nothing"),
        ({"status": 500}, "answers 500"),
        ({"status": 302}, "answers 302"),
    ],
)
def test_what_is_no_answer_is_no_proof(tmp_path, given, said):
    progress = Progress(tmp_path / "progress.db")
    with server(**given) as (address, _), pytest.raises(NotServing, match=said):
        add_check(progress, find_item(ITEM), address)
    assert not progress.path.exists()


def test_nobody_there():
    with server() as (address, _):
        pass
    with pytest.raises(NotServing, match=r"does not answer .* is upslope serve running there"):
        ask(address)


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:8650", "ftp://x", "file:///etc/passwd", "http://", "http://[", "http://x:y"]
)
def test_an_address_that_is_none(tmp_path, address):
    with pytest.raises(BadReport, match="check is the address of a server"):
        add_check(Progress(tmp_path / "progress.db"), find_item(ITEM), address)


def test_other_items_are_proven_in_other_ways(tmp_path):
    with pytest.raises(BadReport, match=r"check is for 5\.tensorflow\.deploy, .* not for 1\.modern\.gelu"):
        add_check(Progress(tmp_path / "progress.db"), find_item("1.modern.gelu"), "http://127.0.0.1:1")
