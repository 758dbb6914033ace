"""Nobody but the learner's own browser gets anything: strangers' hosts, pages, tokens, paths and loads are refused."""

import asyncio

import pytest
from tests.home.conftest import HOST, TOKEN

from upslope.home.security import LARGEST

PATHS = (
    "/",
    "/step/relu",
    "/runs",
    "/lab/digits",
    "/stream",
    "/static/home.js",
    "/openapi.json",
    "/item/1.modern.gelu",
)


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_there_is_nothing(stranger, path):
    answer = stranger.get(path)
    assert answer.status_code == 403
    assert "upslope open" in answer.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8642", "127.0.0.1:9999", "localhost", "127.0.0.1", ""])
@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_s_host(client, host, path):
    """A name of somebody else's that points here: the page there would be of the same origin."""
    answer = client.get(path, headers={"host": host})
    assert answer.status_code == 421
    assert HOST in answer.text


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:8642", "http://127.0.0.1:9999"])
def test_a_stranger_s_page(client, origin):
    for path in PATHS:
        assert client.get(path, headers={"origin": origin}).status_code == 403
    assert client.post("/step/relu/hint", headers={"origin": origin}).status_code == 403


def test_a_form_on_a_stranger_s_page(client):
    """Old browsers send no Origin, new ones say where a request comes from."""
    before = client.get("/step/relu").text
    assert client.post("/step/relu/hint", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    del client.headers["origin"]
    assert client.post("/step/relu/hint").status_code == 403
    assert client.get("/step/relu").text == before


def test_a_wrong_token(stranger):
    for token in ("x", "", TOKEN[:-1], f"{TOKEN}x", "%00", "ü"):
        assert stranger.get("/", params={"token": token}).status_code == 403
    stranger.cookies.set("upslope", "guessed")
    assert stranger.get("/").status_code == 403


def test_the_cookie_is_for_this_server_s_pages_alone(stranger):
    answer = stranger.get(f"/runs?token={TOKEN}&state=open")
    assert answer.headers["location"] == "/runs?state=open", "the token is gone from the address"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


def test_every_answer_says_what_a_page_may_do(client):
    for path in (*PATHS[:4], "/static/home.js", "/nowhere"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/server.py",
        "/runs/..%2f..%2fetc/pictures/passwd",
    ],
)
def test_no_path_leads_out(client, path):
    assert client.get(path).status_code in {400, 404}


def test_pictures_are_those_of_the_run(client, home):
    folder = home / "runs" / "digits-0001"
    (folder / "pictures").mkdir(parents=True)
    (folder / "config.json").write_text('{"lab": "digits", "config": {"seed": 0}}')
    (folder / "pictures" / "curves.png").write_bytes(b"\x89PNG")
    assert client.get("/runs/digits-0001/pictures/curves.png").content == b"\x89PNG"
    for name in ("config.json", "..%2fconfig.json", "..%2f..%2f..%2fprogress.sqlite", "other.png"):
        assert client.get(f"/runs/digits-0001/pictures/{name}").status_code == 404


def test_a_large_upload_is_refused_before_it_is_read(app):
    """200 MB that are announced are not asked for; those that are not announced are cut off after 2 MB."""
    read = 0

    async def send_it(headers):
        nonlocal read
        read, said = 0, []

        async def receive():
            nonlocal read
            read += 100_000
            return {"type": "http.request", "body": b"x" * 100_000, "more_body": read < 200_000_000}

        async def send(message):
            said.append(message)

        cookie = (b"cookie", f"upslope={TOKEN}".encode())
        given = [(b"host", HOST.encode()), (b"origin", f"http://{HOST}".encode()), cookie, *headers]
        scope = {"type": "http", "method": "POST", "path": "/step/relu/save", "raw_path": b"/step/relu/save"}
        scope |= {"query_string": b"", "headers": given, "http_version": "1.1", "scheme": "http", "root_path": ""}
        scope |= {"server": ("127.0.0.1", 8642), "client": ("127.0.0.1", 5), "asgi": {"version": "3.0"}}
        await app(scope, receive, send)
        return said[0]["status"]

    assert asyncio.run(send_it([(b"content-length", b"200000000")])) == 413
    assert read == 0
    assert asyncio.run(send_it([])) == 413
    assert read <= LARGEST + 100_000


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999"])
def test_lengths_that_are_none(client, length):
    assert client.get("/", headers={"content-length": length}).status_code in {400, 413}
