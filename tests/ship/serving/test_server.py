"""The endpoint through OpenAI's own client: completions, chats, embeddings, streams, schemas, and what is refused."""

import concurrent.futures
import json
import math
import re
import threading
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="language models are made of PyTorch")

import torch
from tests.ship.serving.conftest import running

GREEDY = {"temperature": 0, "max_tokens": 12}
HELLO = [{"role": "user", "content": "the weather"}]
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 4}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}


def expected(model, tokens, **how):
    from upslope.ship.language.settings import GenerationSettings

    settings = replace(GenerationSettings(temperature=0, max_tokens=12), **how)
    return model.answer(tokens, settings)


def test_models_are_listed(client):
    assert [each.id for each in client.models.list()] == ["small.gguf", "minilm"]
    assert client.models.retrieve("small.gguf").owned_by == "upslope"


def test_a_completion(client, model):
    found = client.completions.create(model="small.gguf", prompt="the we", **GREEDY)
    tokens = model.tokens_of_text("the we")
    assert found.choices[0].text == expected(model, tokens)
    assert found.choices[0].finish_reason == "length"
    assert found.usage.prompt_tokens == len(tokens)
    assert (found.usage.completion_tokens, found.usage.total_tokens) == (12, len(tokens) + 12)
    by_ids = client.completions.create(model="small.gguf", prompt=tokens, **GREEDY)
    assert by_ids.choices[0].text == found.choices[0].text


def test_several_prompts_and_choices(client, model):
    found = client.completions.create(
        model="small.gguf", prompt=["the", "we"], n=2, temperature=1, seed=5, max_tokens=6
    )
    assert [choice.index for choice in found.choices] == [0, 1, 2, 3]
    for choice, (prompt, seed) in zip(found.choices, [("the", 5), ("the", 6), ("we", 5), ("we", 6)], strict=True):
        how = {"temperature": 1.0, "top_p": model.defaults.top_p, "seed": seed, "max_tokens": 6}
        assert choice.text == expected(model, model.tokens_of_text(prompt), **how)


def test_a_chat_whole_and_as_a_stream(client, model):
    found = client.chat.completions.create(model="small.gguf", messages=HELLO, **GREEDY)
    assert found.choices[0].message.role == "assistant"
    assert found.choices[0].message.content == expected(model, model.tokens_of(HELLO))
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(model="small.gguf", messages=HELLO, **GREEDY, **options))
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1])
    assert text == found.choices[0].message.content
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 2) + ["length"]
    assert chunks[-1].usage == found.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_messages_in_parts_and_roles(client, model):
    parts = [{"type": "text", "text": "the "}, {"type": "text", "text": "weather"}]
    talk = [{"role": "developer", "content": "Hi"}, {"role": "user", "content": parts}]
    found = client.chat.completions.create(model="small.gguf", messages=talk, **GREEDY)
    plain = [{"role": "system", "content": "Hi"}, *HELLO]
    assert found.choices[0].message.content == expected(model, model.tokens_of(plain))


def test_a_stream_ends_before_a_stop_word(client, model):
    whole = expected(model, model.tokens_of(HELLO))
    word = whole[4:6]
    chunks = list(client.chat.completions.create(model="small.gguf", messages=HELLO, **GREEDY, stop=word, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole[: whole.index(word)]
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_the_seed_decides(client):
    def said(**how):
        return client.completions.create(model="small.gguf", prompt="a", temperature=1, top_p=1, **how).choices[0].text

    assert said(seed=3) == said(seed=3)
    assert len({said(seed=seed) for seed in range(4)}) == 4
    assert len({said() for _ in range(4)}) > 1


@torch.no_grad()
def test_logprobs_are_those_of_the_model(client, model):
    found = client.chat.completions.create(
        model="small.gguf", messages=HELLO, logprobs=True, top_logprobs=3, temperature=0.7, seed=1, max_tokens=5
    )
    text, end = model.tokens_of(HELLO), len(found.choices[0].logprobs.content)
    assert end >= 3
    for each in found.choices[0].logprobs.content:
        logs = model.module(torch.tensor([text]))[0, -1].log_softmax(-1)
        token = next(n for n, word in enumerate(model.vocabulary.tokens) if word == bytes(each.bytes))
        assert math.isclose(each.logprob, float(logs[token]), abs_tol=1e-3)
        assert [round(top.logprob, 3) for top in each.top_logprobs] == pytest.approx(
            [round(value, 3) for value in logs.topk(3).values.tolist()], abs=2e-3
        )
        text.append(token)
    joined = b"".join(bytes(each.bytes) for each in found.choices[0].logprobs.content)
    assert joined.decode(errors="replace") == found.choices[0].message.content
    plain = client.completions.create(model="small.gguf", prompt="the", logprobs=2, **GREEDY).choices[0].logprobs
    shown = [1 if token.startswith("bytes:") else len(token) for token in plain.tokens]
    assert plain.text_offset == [sum(shown[:n]) for n in range(len(shown))]
    assert all(
        max(top.values()) == pytest.approx(value)
        for top, value in zip(plain.top_logprobs, plain.token_logprobs, strict=True)
    )


@pytest.mark.parametrize("stream", [False, True])
def test_a_json_schema_is_kept_to(client, stream):
    jsonschema = pytest.importorskip("jsonschema", reason="it is the independent implementation")
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}}
    for seed in range(3):
        how = {"seed": seed, "temperature": 1.5, "max_tokens": 120, "response_format": form}
        found = client.chat.completions.create(model="small.gguf", messages=HELLO, **how, stream=stream)
        if stream:
            chunks = list(found)
            text, finish = (
                "".join(c.choices[0].delta.content or "" for c in chunks),
                chunks[-1].choices[0].finish_reason,
            )
        else:
            text, finish = found.choices[0].message.content, found.choices[0].finish_reason
        assert finish == "stop"
        jsonschema.validate(json.loads(text), PERSON)


def test_any_json_and_a_pattern(client):
    how = {"model": "small.gguf", "messages": HELLO, "temperature": 1.0}
    for seed in range(3):
        found = client.chat.completions.create(**how, seed=seed, extra_body={"regex": r"\d{3}-(yes|no)"}).choices[0]
        assert re.fullmatch(r"\d{3}-(yes|no)", found.message.content)
        assert found.finish_reason == "stop"
    found = client.chat.completions.create(**how, seed=0, response_format={"type": "json_object"}, max_tokens=150)
    if found.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(found.choices[0].message.content), dict)
    assert found.choices[0].message.content.startswith("{")


def test_embeddings(client, sentences):
    texts = ["a b c", "", "d e"]
    found = client.embeddings.create(model="minilm", input=texts)  # the client asks for base64
    plain = client.embeddings.create(model="minilm", input=texts, encoding_format="float")
    want = sentences.answer(texts, base64_=False)
    for number, each in enumerate(found.data):
        assert each.index == number
        assert each.embedding == pytest.approx(want["data"][number]["embedding"], abs=1e-6)
        assert plain.data[number].embedding == pytest.approx(each.embedding, abs=1e-6)
    assert found.usage.prompt_tokens == 5 + 2 + 4


def test_refusals_raise_the_client_s_own_exceptions(client, openai, model):
    ask, complete = client.chat.completions.create, client.completions.create
    cases = [
        (
            openai.NotFoundError,
            "no model 'gpt-9' here (models: small.gguf)",
            lambda: ask(model="gpt-9", messages=HELLO),
        ),
        (openai.NotFoundError, "no model 'x' here", lambda: client.embeddings.create(model="x", input="a")),
        (
            openai.BadRequestError,
            "temperature: input should be less",
            lambda: complete(model="", prompt="a", temperature=9),
        ),
        (openai.BadRequestError, "max_tokens: input should", lambda: complete(model="", prompt="a", max_tokens=0)),
        (
            openai.BadRequestError,
            "no argument colour here",
            lambda: ask(model="", messages=HELLO, extra_body={"colour": 1}),
        ),
        (openai.BadRequestError, "messages: ", lambda: ask(model="", messages=[])),
        (
            openai.BadRequestError,
            "was not taught to use tools",
            lambda: ask(model="", messages=HELLO, tools=[{"a": 1}]),
        ),
        (openai.BadRequestError, "up to 16 stop words", lambda: ask(model="", messages=HELLO, stop=[""])),
        (openai.BadRequestError, "reads 256", lambda: complete(model="", prompt="x" * 400)),
        (openai.BadRequestError, "ids from 0 to", lambda: complete(model="", prompt=[99999])),
        (openai.BadRequestError, "top_logprobs needs", lambda: ask(model="", messages=HELLO, top_logprobs=2)),
        (openai.BadRequestError, "without its )", lambda: ask(model="", messages=HELLO, extra_body={"regex": "(a"})),
        (
            openai.BadRequestError,
            "the schema says minimum",
            lambda: ask(
                model="",
                messages=HELLO,
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "x", "schema": {"type": "integer", "minimum": 2}},
                },
            ),
        ),
        (
            openai.BadRequestError,
            "dimensions",
            lambda: client.embeddings.create(model="minilm", input="a", dimensions=3),
        ),
    ]
    for kind, said, call in cases:
        with pytest.raises(kind) as caught:
            call()
        assert said in str(caught.value)
        assert set(caught.value.body) == {"message", "type", "param", "code"}
    with pytest.raises(openai.BadRequestError) as caught:
        complete(model="", prompt="x" * 400)
    assert caught.value.code == "context_length_exceeded"


def raw(server, path, body=None, *, headers=None, method=None):
    """A request without a client: status, headers, body."""
    given = {"content-type": "application/json", **(headers or {})}
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", data, given, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "said"),
    [
        ("/v1/completions", b"{", {}, 400, "is not JSON"),
        ("/v1/completions", b"\xff\xfe", {}, 400, "is not JSON"),
        ("/v1/completions", b"[" * 50_000, {}, 400, "is not JSON"),
        ("/v1/completions", b"[1]", {}, 400, "input should be an object"),
        ("/v1/completions", {"prompt": "a", "n": "2"}, {}, 400, "n: input should be a valid integer, not 2"),
        ("/v1/completions", {"prompt": "a"}, {"content-type": "text/plain"}, 415, "is JSON"),
        ("/v1/nothing", {"prompt": "a"}, {}, 404, "no POST /v1/nothing here"),
        ("/v1/completions", None, {}, 405, "no GET /v1/completions here"),
        ("/v1/models", None, {"host": "evil.example"}, 421, "answers to 127.0.0.1"),
        ("/v1/models", None, {"origin": "http://evil.example"}, 403, "may not ask this server"),
        ("/v1/completions", {"prompt": "a"}, {"sec-fetch-site": "cross-site"}, 403, "Only a page"),
    ],
)
def test_what_is_no_request_of_ours_is_an_error_object(server, path, body, headers, status, said):
    got, _, content = raw(server, path, body, headers=headers)
    assert got == status
    error = json.loads(content)["error"]
    assert said in error["message"]
    assert set(error) == {"message", "type", "param", "code"}


def test_a_body_that_is_too_large_is_refused_early(server):
    got, _, content = raw(server, "/v1/models", headers={"content-length": "99999999"})
    assert got == 413
    assert "may hold 4,000,000 bytes" in json.loads(content)["error"]["message"]


def test_health(server):
    _, _, content = raw(server, "/health")
    said = json.loads(content)
    assert said["status"] == "ok"
    assert (said["model"], said["task"], said["slots"], said["running"]) == ("small.gguf", "text-generation", 4, 0)


def test_clients_at_once_get_what_each_gets_alone(client, model):
    prompts = ["the " * (1 + number) for number in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(client.completions.create, model="", prompt=prompt, **GREEDY) for prompt in prompts]
        texts = [each.result().choices[0].text for each in asked]
    assert texts == [expected(model, model.tokens_of_text(prompt)) for prompt in prompts]


def gate(monkeypatch, model):
    """The next steps of the model wait until they are let on."""
    go, real = threading.Semaphore(0), type(model).next_logits

    def slowly(self, tokens, cache):
        go.acquire()
        return real(self, tokens, cache)

    monkeypatch.setattr(type(model), "next_logits", slowly)
    return go


def test_overload_is_429_with_the_time_to_come_again(openai, model, monkeypatch):
    go = gate(monkeypatch, model)
    with (
        running(model, slots=1, queue=1) as server,
        openai.OpenAI(base_url=server.address, api_key="none", max_retries=0) as client,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        line = server.app.state.scheduler
        first = [pool.submit(client.completions.create, model="", prompt="a", **GREEDY) for _ in range(2)]
        while line.running + line.waiting < 2:
            pass
        with pytest.raises(openai.RateLimitError) as caught:
            client.completions.create(model="", prompt="a", **GREEDY)
        assert 1 <= int(caught.value.response.headers["retry-after"]) <= 60
        assert caught.value.code == "rate_limit_exceeded"
        with pytest.raises(openai.RateLimitError):
            client.completions.create(model="", prompt="a", n=3, **GREEDY)
        for _ in range(200):
            go.release()
        assert len({each.result().choices[0].text for each in first}) == 1
        for _ in range(200):
            go.release()
        assert client.completions.create(model="", prompt="a", **GREEDY).choices[0].text


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_frees_its_slot(openai, model, monkeypatch, stream):
    go = gate(monkeypatch, model)
    with (
        running(model, slots=1, queue=0) as server,
        openai.OpenAI(
            base_url=server.address, api_key="none", max_retries=0, timeout=None if stream else 0.5
        ) as client,
    ):
        line = server.app.state.scheduler
        long = {"model": "", "prompt": "a", "max_tokens": 200, "temperature": 0}
        if stream:
            go.release()
            chunks = client.completions.create(**long, stream=True)
            next(iter(chunks))
            chunks.close()
        else:
            with pytest.raises(openai.APITimeoutError):
                client.completions.create(**long)
        while line.running:
            go.release()
        assert line.passes < 200
        for _ in range(50):
            go.release()
        patient = client.with_options(timeout=60)
        assert patient.completions.create(model="", prompt="a", **GREEDY).usage.completion_tokens == 12


def test_our_own_run_completes_and_does_not_chat(openai, letters):
    with running(letters) as server, openai.OpenAI(base_url=server.address, api_key="none", max_retries=0) as client:
        found = client.completions.create(model="gpt-0001", prompt="abc", temperature=0, max_tokens=40)
        assert found.choices[0].text == expected(letters, letters.tokens_of_text("abc"), max_tokens=40)
        with pytest.raises(
            openai.BadRequestError, match="gpt-0001 continues texts and does not converse: ask /v1/comp"
        ):
            client.chat.completions.create(model="gpt-0001", messages=HELLO)
        with pytest.raises(openai.BadRequestError, match="which the model does not know"):
            client.completions.create(model="gpt-0001", prompt="É")
        with pytest.raises(openai.BadRequestError, match="lacks characters of it"):
            client.completions.create(model="gpt-0001", prompt="a", extra_body={"regex": "[0-9]+"})
        found = client.completions.create(model="gpt-0001", prompt="a", extra_body={"regex": "(abc ){3}"})
        assert found.choices[0].text == "abc abc abc "


def test_without_a_language_model_there_are_embeddings(openai, sentences):
    with (
        running(None, sentences) as server,
        openai.OpenAI(base_url=server.address, api_key="none", max_retries=0) as client,
    ):
        assert [each.id for each in client.models.list()] == ["minilm"]
        assert len(client.embeddings.create(model="minilm", input="a").data) == 1
        with pytest.raises(openai.NotFoundError, match="none that does this"):
            client.completions.create(model="minilm", prompt="a")


def test_outputs_that_are_no_numbers_are_said_in_the_stream(openai, model):
    hook = model.module.norm.register_forward_hook(lambda module, given, out: out * float("nan"))
    try:
        with running(model) as server, openai.OpenAI(base_url=server.address, api_key="none", max_retries=0) as client:
            with pytest.raises(openai.APIError, match="outputs that are not numbers"):
                list(client.completions.create(model="", prompt="a", stream=True))
            with pytest.raises(openai.BadRequestError, match="outputs that are not numbers"):
                client.completions.create(model="", prompt="a")
    finally:
        hook.remove()
