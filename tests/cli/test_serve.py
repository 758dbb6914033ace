"""`upslope serve` as a command: its address at once, its refusals, its end."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request

import pytest

pytest.importorskip("torch", reason="language models are made of PyTorch")


@pytest.fixture
def small(write_gguf, tmp_path):
    pytest.importorskip("regex", reason="the tokenizer's patterns need it")
    write_gguf(tmp_path / "small.gguf")
    return str(tmp_path / "small.gguf")


def test_it_serves_until_ctrl_c(small):
    command = [sys.executable, "-m", "upslope", "serve", small, "--json", "--port", "8670", "--slots", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        said = json.loads(process.stdout.readline())
        assert (said["model"], said["slots"], said["queue"]) == ("small.gguf", 2, 32)
        assert said["base_url"] == f"http://127.0.0.1:{said['port']}/v1"
        body = json.dumps({"prompt": "the", "max_tokens": 3}).encode()
        asked = urllib.request.Request(f"{said['base_url']}/completions", body, {"content-type": "application/json"})
        with urllib.request.urlopen(asked) as answer:
            assert json.loads(answer.read())["usage"]["completion_tokens"] == 3
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait()
        process.stdout.close()
    assert code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--port", "0"), "a port is a number from 1 to 65535, not 0"),
        (("--slots", "0"), "--slots is from 1 to 256, not 0"),
        (("--queue", "-1"), "--queue is at least 0, not -1"),
        (("gpt-0009",), 'there is no language model "gpt-0009"'),
        (("resnet50",), "it continues no texts"),
    ],
)
def test_what_cannot_be_served_is_a_sentence(upslope, words, said):
    found = upslope("serve", *words)
    assert said in found.err
    assert found.code == 2


def test_a_served_model_is_proof_of_a_deployment(upslope, small):
    from upslope.ship.language.loading import load
    from upslope.ship.serving.sentences import Sentences
    from upslope.ship.serving.server import Server

    server = Server(load(small), Sentences(), port=8670)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        said = upslope("report", "5.tensorflow.deploy", "--check", server.address)
    finally:
        server.end()
        thread.join()
    assert said.code == 0
    assert f"Proven: small.gguf answers at http://127.0.0.1:{server.port}." in said.out
    assert upslope("roadmap", "5.tensorflow.deploy", "--json").json["state"] == "proven"
    gone = upslope("report", "5.tensorflow.deploy", "--check", server.address)
    assert (gone.code, "is upslope serve running there?" in gone.err) == (1, True)
