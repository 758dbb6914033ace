"""How the home page is driven in tests: in this process through its guard, or as a server with a browser before it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from upslope.academy.learner_files import make_files
from upslope.academy.lessons import find
from upslope.academy.mutation_run import standing_alone
from upslope.academy.reference import locate
from upslope.home.grader import Grader
from upslope.home.lab_queue import LabQueue
from upslope.home.security import Guard
from upslope.home.server import application

PORT, TOKEN = 8642, "the-token-of-this-start"
HOST = f"127.0.0.1:{PORT}"
# What each browser is started with: no sandbox where the tests are root, and nothing that looks for the network.
CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace as `upslope init` makes it, once for all tests."""
    folder = tmp_path_factory.mktemp("begun") / "home"
    make_files(folder)
    return folder


@pytest.fixture
def home(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with the learner's files, untouched."""
    folder = tmp_path / "upslope-home"
    monkeypatch.setenv("UPSLOPE_HOME", str(folder))
    shutil.copytree(begun, folder)
    return folder


@pytest.fixture
def grader() -> Grader:
    return Grader()


@pytest.fixture
def queue() -> LabQueue:
    return LabQueue()


@pytest.fixture
def app(home: Path, grader: Grader, queue: LabQueue) -> Guard:
    return Guard(application(grader, queue), token=TOKEN, port=PORT)


@pytest.fixture
def stranger(app: Guard) -> TestClient:
    """Somebody who has no token. Nothing behind the pages is started."""
    return TestClient(app, base_url=f"http://{HOST}", follow_redirects=False)


@pytest.fixture
def client(stranger: TestClient) -> TestClient:
    """The learner's own browser: it has the cookie, and says where its requests come from."""
    assert stranger.get(f"/?token={TOKEN}").status_code == 303
    stranger.headers["origin"] = f"http://{HOST}"
    return stranger


def right_answer(step: str) -> str:
    """The library's own answer as a learner would have written it."""
    return standing_alone(locate(str(find(step).exercise)))


@dataclass
class Server:
    """`upslope open` in a process of its own."""

    address: str
    process: "subprocess.Popen[str]"
    home: Path

    @property
    def base(self) -> str:
        return self.address.partition("/?")[0]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    home = tmp_path / "upslope"
    command = [sys.executable, "-m", "upslope", "open", "--no-browser", "--json", "--port", "8700"]
    environment = {**os.environ, "HOME": str(tmp_path), "UPSLOPE_HOME": str(home), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        yield Server(json.loads(process.stdout.readline())["address"], process, home)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
        process.stdout.close()
