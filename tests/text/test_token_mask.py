"""Masks over tokens, beside following each token by itself; random walks through JSON schemas beside `jsonschema`."""

import json

import numpy as np
import pytest

from upslope.text.automaton import DEAD, START, automaton
from upslope.text.json_schema import BadSchema, any_object, pattern_of
from upslope.text.token_mask import TokenMask, Vocabulary

jsonschema = pytest.importorskip("jsonschema", reason="it is the independent implementation")

# All bytes alone, so that nothing is out of reach; special tokens of no bytes; and some words, halves of é among them.
WORDS = [
    b"",
    b"",
    *(bytes([n]) for n in range(256)),
    b'{"',
    b'":',
    b'", "',
    b"true",
    b"12",
    b"\xc3",
    "é".encode(),
    b"a" * 9,
]
VOCABULARY = Vocabulary(WORDS)
SCHEMAS = [
    {"type": "object", "properties": {"name": {"type": "string", "maxLength": 5}, "age": {"type": "integer"}},
     "required": ["name", "age"], "additionalProperties": False},
    {"type": "object", "properties": {"a": {"type": "null"}, "b": {"type": "boolean"}, "c": {"type": "number"}}},
    {"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}, "c": {"type": "boolean"}},
     "required": ["b"]},
    {"type": "array", "items": {"enum": ["x", 'a"b', "1.5", None, 7, [1, "q"]]}, "minItems": 1, "maxItems": 3},
    {"type": "object", "properties": {"points": {"type": "array", "items": {"$ref": "#/$defs/point"}, "maxItems": 2}},
     "required": ["points"], "$defs": {"point": {"type": "object", "properties": {"x": {"type": "number"}},
     "required": ["x"]}}},
    {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^[a-c]{2}\\d?$"}, {"const": {"k": 1}}]},
    {"type": ["string", "null"], "minLength": 2, "maxLength": 3},
    {"type": "integer", "enum": [1, 2, "3"]},
    {"type": "object", "properties": {}},
    {"type": "array", "items": {"type": "null"}, "maxItems": 0},
]  # fmt: skip


def test_a_mask_is_what_each_token_does_by_itself():
    mask = TokenMask(automaton('("é|a{3,}|true|12)+é?'), VOCABULARY, ends=[1])
    rng = np.random.default_rng(0)
    state = mask.start
    for _ in range(50):
        allowed = mask.allowed(state)
        for token, word in enumerate(WORDS):
            alive = mask.automaton.step(state, word) != DEAD and word != b""
            assert allowed[token] == (alive or (token == 1 and mask.automaton.accepting[state])), (state, word)
        state = mask.step(state, int(rng.choice(np.flatnonzero(allowed))))
        if not mask.allowed(state).any():
            break
    assert mask.allowed(START) is mask.allowed(START), "a mask is made once"


@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
def test_whatever_is_drawn_is_valid(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    mask, rng = TokenMask(automaton(pattern_of(schema)), VOCABULARY, ends=[0]), np.random.default_rng(0)
    found = set()
    for _ in range(60):
        state, text = mask.start, b""
        while True:
            allowed = np.flatnonzero(mask.allowed(state))
            token = 0 if 0 in allowed and (len(text) > 60 or rng.random() < 0.5) else int(rng.choice(allowed))
            if token == 0:
                break
            text += WORDS[token]
            state = mask.step(state, token)
            if mask.complete(state):
                assert np.flatnonzero(mask.allowed(state)).tolist() == [0]
        value = json.loads(text.decode())
        jsonschema.validate(value, schema)
        json.dumps(value).encode()
        text.decode().encode()
        found.add(text)
    assert len(found) > 1 or schema in SCHEMAS[-2:]


@pytest.mark.parametrize("value", [{}, {"a": 1}, {"a": "x", "b": [1, {"c": None}]}, {"é\n": -1.5e10}])
def test_any_object(value):
    machine = automaton(any_object())
    assert machine.matches(json.dumps(value))
    assert machine.matches(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    assert not machine.matches(json.dumps([value]))
    assert not machine.matches(json.dumps(value)[:-1])


@pytest.mark.parametrize("schema", SCHEMAS[:3])
def test_what_a_schema_forbids_does_not_match(schema):
    machine = automaton(pattern_of(schema))
    for value in (
        None,
        1,
        [],
        {"other": 1},
        {"name": "x"},
        {"name": "toolong", "age": 1},
        {"a": 1},
        {"b": True, "d": 0},
    ):
        try:
            jsonschema.validate(value, {**schema, "additionalProperties": False})
        except jsonschema.ValidationError:
            assert not machine.matches(json.dumps(value))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "object", "properties": {"a": {"type": "text"}}}, 'the schema, property a has the type \\["text"\\]'),
        ({"type": "integer", "minimum": 3}, "the schema says minimum, which cannot be followed here"),
        ({"$ref": "#"}, "contains itself or is more than 20 levels deep"),
        ({"$ref": "http://x/y"}, "only definitions of the schema itself are read"),
        ({"$ref": "#/$defs/x"}, "which is not there"),
        ({"type": "array"}, "does not say of what"),
        ({}, "says no type"),
        ([], r"is \[\], not an object"),
        ({"enum": []}, "an enum without values"),
        ({"type": "object", "properties": {}, "required": ["x"]}, "requires x, which is not among its properties"),
        ({"type": "string", "pattern": ".*"}, "lets through quotes"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "a maxLength below its minLength"),
        (
            {"type": "object", "additionalProperties": {"type": "string"}},
            "additionalProperties, which cannot be followed",
        ),
    ],
)
def test_what_cannot_be_followed_is_named(schema, said):
    with pytest.raises(BadSchema, match=said):
        pattern_of(schema)
