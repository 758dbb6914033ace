"""Fetching: the mirror first, only the right bytes, whole sets or none, and one sentence when it cannot be done."""

import hashlib
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from upslope.cards import DataCard, File
from upslope.data.loading.fetch import get, have, sources
from upslope.features import ClassLabel
from upslope.runs.errors import DataProblem
from upslope.runs.workspace import data_folder

FIRST, SECOND = os.urandom(300_000), b"labels" * 50


class QuietServer(ThreadingHTTPServer):
    """Says nothing when a client hangs up."""

    def handle_error(self, request, client_address):
        pass


class Server:
    """A little web server on this machine that can misbehave."""

    def __init__(self):
        self.content = {"/toy/first.gz": FIRST, "/toy/second.gz": SECOND}
        self.asked = []
        self.cut_short = 0  # so many answers break off in the middle
        self.errors = []  # so many answers are these status codes
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                content = outer.content.get(self.path)
                status = outer.errors.pop(0) if outer.errors else 200 if content is not None else 404
                self.send_response(status)
                body = content if status == 200 else b"no"
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if outer.cut_short and status == 200:
                    outer.cut_short -= 1
                    body = body[: len(body) // 2]
                self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.http = QuietServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def stop(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("UPSLOPE_MIRROR", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    running = Server()
    yield running
    running.stop()


def card(*addresses):
    """A set of two files at these addresses."""
    files = tuple(
        File(name, hashlib.sha256(content).hexdigest(), len(content), tuple(f"{a}/toy/{name}" for a in addresses))
        for name, content in (("first.gz", FIRST), ("second.gz", SECOND))
    )
    return DataCard("toy", "", "", "", "", {"label": ClassLabel(("a",))}, {"train": 1}, files=files)


def mirror_folder(path, first=FIRST):
    (path / "toy").mkdir(parents=True)
    (path / "toy" / "first.gz").write_bytes(first)
    (path / "toy" / "second.gz").write_bytes(SECOND)
    return path


def assert_whole(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["first.gz", "second.gz"]
    assert (folder / "first.gz").read_bytes() == FIRST
    assert not (folder.parent / ".toy.part").exists()


def test_public_address(server):
    whole = card(server.address)
    assert not have(whole)
    folder = get(whole, quiet=True)
    assert folder == data_folder() / "toy"
    assert_whole(folder)
    assert have(whole)
    get(whole, quiet=True)
    assert server.asked == ["/toy/first.gz", "/toy/second.gz"], "nothing is fetched twice"


def test_mirror_by_folder_is_asked_first(server, tmp_path, monkeypatch):
    monkeypatch.setenv("UPSLOPE_MIRROR", str(mirror_folder(tmp_path / "mirror")))
    assert_whole(get(card(server.address), quiet=True))
    assert server.asked == []


def test_a_file_in_a_folder_of_its_own(tmp_path, monkeypatch):
    """Of the set in the mirror, and once more from a fetch that was interrupted after it."""
    files = tuple(File(name, hashlib.sha256(content).hexdigest(), len(content)) for name, content in NESTED.items())
    nested = DataCard("toy", "", "", "", "", {"label": ClassLabel(("a",))}, {"train": 1}, files=files)
    for name, content in NESTED.items():
        (tmp_path / "toy" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "toy" / name).write_bytes(content)
    monkeypatch.setenv("UPSLOPE_MIRROR", str(tmp_path))
    folder = get(nested, quiet=True)
    assert {name: (folder / name).read_bytes() for name in NESTED} == NESTED
    (folder / "b.gz").unlink()
    assert not have(nested)
    assert {name: (get(nested, quiet=True) / name).read_bytes() for name in NESTED} == NESTED
    assert sorted(path.name for path in folder.rglob("*") if path.is_file()) == ["a.gz", "b.gz"]


NESTED = {"inner/a.gz": FIRST, "b.gz": SECOND}


def test_mirror_by_address(server, monkeypatch):
    monkeypatch.setenv("UPSLOPE_MIRROR", server.address + "/")
    assert_whole(get(card("http://127.0.0.1:9/nothing"), quiet=True))


def test_order_of_sources(monkeypatch):
    monkeypatch.setenv("UPSLOPE_MIRROR", "/somewhere")
    asked = sources("toy", card("http://a", "http://b").files[0])
    assert [(source.name, source.address) for source in asked] == [
        ("the mirror", "/somewhere/toy/first.gz"),
        ("its public address", "http://a/toy/first.gz"),
        ("its public address no. 2", "http://b/toy/first.gz"),
    ]


def test_a_mirror_may_have_a_file_in_another_place(tmp_path, monkeypatch):
    """Many sets come out of one collection, which a mirror holds as it is."""
    monkeypatch.setenv("UPSLOPE_MIRROR", "/somewhere")
    file = File("x.zip", sha256="0" * 64, mirror="collection/corpora/x.zip")
    assert [source.address for source in sources("toy", file)] == ["/somewhere/collection/corpora/x.zip"]
    whole = DataCard("toy", "", "", "", "", {"label": ClassLabel(("a",))}, {"train": 1}, files=(file,))
    with pytest.raises(DataProblem, match=r"an address that holds collection/corpora/x\.zip"):
        get(whole, quiet=True)


def test_wrong_hash_is_named_and_the_next_source_is_asked(server, tmp_path, monkeypatch, capsys):
    wrong = bytes(len(FIRST))
    monkeypatch.setenv("UPSLOPE_MIRROR", str(mirror_folder(tmp_path / "mirror", first=wrong)))
    assert_whole(get(card(server.address)))
    said = capsys.readouterr().err
    got, expected = hashlib.sha256(wrong).hexdigest()[:8], hashlib.sha256(FIRST).hexdigest()[:8]
    assert f"first.gz from the mirror has sha256 {got}..., expected {expected}...: not used." in said
    assert "Taking first.gz from its public address." in said
    assert server.asked == ["/toy/first.gz"], "the mirror's right file was used"


def test_wrong_hash_everywhere_is_refused(server):
    server.content["/toy/second.gz"] = b"x" * len(SECOND)
    with pytest.raises(DataProblem, match=r"second\.gz could not be fetched \(its public address has another file"):
        get(card(server.address), quiet=True)
    assert not (data_folder() / "toy").exists(), "half a set is no set"


def test_mirror_without_the_set(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UPSLOPE_MIRROR", str(tmp_path))
    assert_whole(get(card(server.address)))
    assert "the mirror does not have toy/first.gz" in capsys.readouterr().err


def test_broken_download_begins_again(server):
    server.cut_short = 2
    assert_whole(get(card(server.address), quiet=True))
    assert server.asked.count("/toy/first.gz") == 3


def test_download_that_always_breaks_leaves_nothing(server):
    server.cut_short = 100
    with pytest.raises(DataProblem, match=r"the download from 127\.0\.0\.1 broke off"):
        get(card(server.address), quiet=True)
    assert len(server.asked) == 3
    assert not (data_folder() / "toy").exists()
    assert not list((data_folder() / ".toy.part").iterdir())


def test_second_try_goes_on_with_the_files_that_are_right(server):
    second = server.content.pop("/toy/second.gz")
    with pytest.raises(DataProblem, match=r"127\.0\.0\.1 answers 404"):
        get(card(server.address), quiet=True)
    server.content["/toy/second.gz"] = second
    assert_whole(get(card(server.address), quiet=True))
    assert server.asked.count("/toy/first.gz") == 1


def test_a_tired_server_is_asked_again_and_a_second_address_after_that(server):
    server.errors = [503, 200, 500, 500, 500]
    assert_whole(get(card(server.address, server.address), quiet=True))
    assert len(server.asked) == 2 + 4


def test_a_server_that_sends_too_much_is_stopped(server):
    server.content["/toy/first.gz"] = bytes(50_000_000)
    with pytest.raises(DataProblem, match="it sends more than the 300000 bytes"):
        get(card(server.address), quiet=True)


def test_offline_is_one_sentence(monkeypatch):
    monkeypatch.delenv("UPSLOPE_MIRROR", raising=False)
    with pytest.raises(DataProblem) as caught:
        get(card("http://127.0.0.1:9"), quiet=True)
    said = str(caught.value)
    assert said.startswith(
        "toy is not on this computer, and first.gz could not be fetched (no connection to 127.0.0.1)"
    )
    assert "upslope data get toy" in said
    assert "UPSLOPE_MIRROR" in said
    assert "\n" not in said


def test_a_flipped_bit_is_named_where_nothing_can_be_fetched(server, monkeypatch):
    folder = get(card(server.address), quiet=True)
    flipped = bytes([FIRST[0] ^ 1]) + FIRST[1:]
    (folder / "first.gz").write_bytes(flipped)
    with pytest.raises(DataProblem) as caught:
        get(card("http://127.0.0.1:9"), quiet=True)
    got, expected = hashlib.sha256(flipped).hexdigest()[:8], hashlib.sha256(FIRST).hexdigest()[:8]
    said = f"first.gz of toy on this computer has sha256 {got}..., expected {expected}..., and first.gz could not be"
    assert str(caught.value).startswith(said)
    assert (folder / "second.gz").exists(), "what is right stays"


def test_a_truncated_mirror_file_is_counted(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UPSLOPE_MIRROR", str(mirror_folder(tmp_path / "mirror", first=FIRST[:100_000])))
    with pytest.raises(DataProblem, match=r"\(the mirror's first\.gz holds 100,000 of 300,000 bytes; no connection to"):
        get(card("http://127.0.0.1:9"))
    assert "first.gz from the mirror holds 100,000 of 300,000 bytes: not used." in capsys.readouterr().err


def test_a_dead_proxy_is_named_without_its_password(monkeypatch):
    monkeypatch.delenv("UPSLOPE_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("HTTP_PROXY", "http://me:secret@127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    with pytest.raises(DataProblem) as caught:
        get(card("http://data.example"), quiet=True)
    assert "(the proxy http://127.0.0.1:9, which HTTP_PROXY names, does not let it through)" in str(
        caught.value
    ).replace("http_proxy", "HTTP_PROXY")
    assert "secret" not in str(caught.value)


def test_a_damaged_file_is_fetched_again(server):
    folder = get(card(server.address), quiet=True)
    (folder / "second.gz").write_bytes(b"x" * len(SECOND))
    assert not have(card(server.address))
    assert_whole(get(card(server.address), quiet=True))
    assert server.asked.count("/toy/first.gz") == 1, "the right file was kept"


def test_two_at_once_fetch_once(server):
    whole = card(server.address)
    failures = []

    def fetch():
        try:
            get(whole, quiet=True)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert server.asked == ["/toy/first.gz", "/toy/second.gz"]


def test_what_a_library_carries_is_not_fetched():
    carried = DataCard("toy", "", "", "", "", {"label": ClassLabel(("a",))}, {"train": 1}, carried_by="scikit-learn")
    assert have(carried)
    with pytest.raises(DataProblem, match="toy comes with scikit-learn"):
        get(carried)


def test_nothing_of_this_touches_the_developers_cache(tmp_path):
    assert data_folder().is_relative_to(Path(tmp_path))
