"""A JSON schema as a regular expression: the texts that it describes, written in the one compact way.

The subset that describes a regular language: objects with fixed properties (in their order, the required ones always),
strings (minLength, maxLength, pattern), numbers, integers, booleans, null, enum, const, arrays (minItems, maxItems),
anyOf and oneOf, several types, `$ref` to definitions that do not contain themselves. Properties that are not named are
never written. A colon and a comma may be followed by one space, which is how models write, and nothing else may.

Left out, and refused with its name: everything that compares values with each other or counts without bound, such as
`minimum`, `uniqueItems`, `patternProperties` or schemas within themselves.
"""

import json
from collections.abc import Mapping
from typing import Any

from upslope.text.regular_expression import (
    MOST_REPEATS,
    BadPattern,
    Characters,
    Choice,
    Node,
    Repeat,
    Sequence,
    escape,
    parse,
)

# Quotes, backslashes and control characters only as escapes; no escape is half of a character.
CHARACTER = r'(?:[^"\\\x00-\x1f\x7f]|\\(?:["\\/bfnrt]|u(?:[0-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2})))'
INTEGER = r"-?(?:0|[1-9][0-9]{0,15})"
NUMBER = rf"{INTEGER}(?:\.[0-9]{{1,15}})?(?:[eE][+-]?[0-9]{{1,2}})?"
COMMA, COLON = ",[ ]?", ":[ ]?"
DEEPEST = 20
_NOTES = {"title", "description", "examples", "default", "$schema", "$id", "$comment", "$defs", "definitions", "format"}
_OF_TYPE = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength", "pattern"},
}
_JOINED = ("$ref", "enum", "const", "anyOf", "oneOf")


class BadSchema(BadPattern):
    """A schema that cannot be followed; the message says which part of it."""


def pattern_of(schema: Any) -> str:
    """The regular expression of a schema, given as JSON's objects. BadSchema where it says more than one can say."""
    return _pattern(schema, schema, "the schema", 0)


def any_object(depth: int = 3) -> str:
    """Any JSON object with values `depth` levels deep: what can be said without a schema and without counting."""
    objects, value = "", f'(?:"{CHARACTER}*"|{NUMBER}|true|false|null)'
    for _ in range(depth):
        member = f'"{CHARACTER}*"{COLON}{value}'
        objects = rf"\{{(?:{member}(?:{COMMA}{member})*)?\}}"
        value = f"(?:{value}|{objects}|{_list(value, 0, None)})"
    return objects


def _pattern(schema: Any, root: Any, where: str, depth: int) -> str:
    if depth > DEEPEST:
        raise BadSchema(f"{where} contains itself or is more than {DEEPEST} levels deep")
    if not isinstance(schema, Mapping):
        raise BadSchema(f"{where} is {json.dumps(schema)[:40]}, not an object with a type")
    joined = [name for name in _JOINED if name in schema]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not isinstance(kinds, list) or not all(kind in _WRITERS for kind in kinds):
        raise BadSchema(f"{where} has the type {json.dumps(kinds)[:40]} (known: {', '.join(_WRITERS)})")
    if not joined and not kinds:
        raise BadSchema(f"{where} says no type")
    known = _NOTES | {"type", *joined[:1]}
    if not joined:
        known |= {name for kind in kinds for name in _OF_TYPE.get(kind, ())}
    if unknown := sorted(set(schema) - known):
        raise BadSchema(f"{where} says {unknown[0]}, which cannot be followed here")
    match joined[:1]:
        case ["$ref"]:
            return _pattern(_referred(schema["$ref"], root, where), root, where, depth + 1)
        case ["enum"]:
            values = schema["enum"] if isinstance(schema["enum"], list) else []
            fitting = [
                _literal(value)
                for value in values
                if not kinds or {_kind(value), "number" if _kind(value) == "integer" else ""} & {*kinds}
            ]
            if not fitting:
                raise BadSchema(f"{where} has an enum without values")
            return _any(fitting)
        case ["const"]:
            return _literal(schema["const"])
        case ["anyOf" | "oneOf" as name]:
            options = schema[name]
            if not isinstance(options, list) or not options:
                raise BadSchema(f"{where} has {name} without options")
            return _any([_pattern(each, root, f"{where}, {name} {n}", depth + 1) for n, each in enumerate(options, 1)])
    return _any([_WRITERS[kind](schema, root, where, depth) for kind in kinds])


def _object(schema: Mapping[str, Any], root: Any, where: str, depth: int) -> str:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        raise BadSchema(f"{where} has properties or required of the wrong kind")
    if schema.get("additionalProperties") not in (None, False, True):
        raise BadSchema(f"{where} says additionalProperties, which cannot be followed here")
    if lacking := [name for name in required if name not in properties]:
        raise BadSchema(f"{where} requires {lacking[0]}, which is not among its properties")
    members = [
        (_literal(name) + COLON + _pattern(each, root, f"{where}, property {name}", depth + 1), name in required)
        for name, each in properties.items()
    ]
    return r"\{" + _members(members) + r"\}"


def _members(members: list[tuple[str, bool]]) -> str:
    """Members in order, those that are not required maybe left out, commas between those that are there."""
    options = []
    for number, (pattern, needed) in enumerate(members):
        rest = "".join(f"{COMMA}{p}" if n else f"(?:{COMMA}{p})?" for p, n in members[number + 1 :])
        options.append(pattern + rest)  # this one comes first, and has no comma before it
        if needed:
            return _any(options)
    return f"(?:{'|'.join(options)})?" if options else ""


def _list(item: str, least: int, most: int | None) -> str:
    if most == 0:
        return r"\[\]"
    further = f"{{{max(0, least - 1)},{'' if most is None else most - 1}}}"
    inner = f"{item}(?:{COMMA}{item}){further}"
    return rf"\[{inner}\]" if least else rf"\[(?:{inner})?\]"


def _array(schema: Mapping[str, Any], root: Any, where: str, depth: int) -> str:
    if "items" not in schema:
        raise BadSchema(f"{where} is an array and does not say of what (items)")
    least, most = _counts(schema, "minItems", "maxItems", where)
    return _list(_pattern(schema["items"], root, f"{where}, items", depth + 1), least, most)


def _string(schema: Mapping[str, Any], root: Any, where: str, depth: int) -> str:
    least, most = _counts(schema, "minLength", "maxLength", where)
    if "pattern" in schema:
        said = schema["pattern"]
        if least or most is not None or not isinstance(said, str):
            raise BadSchema(f"{where} has a pattern beside a length, or one that is no text")
        if not _plain(parse(said)):
            raise BadSchema(f"{where} has a pattern that lets through quotes, backslashes or control characters")
        return f'"(?:{said.removeprefix("^").removesuffix("$")})"'
    return f'"{CHARACTER}{{{least},{"" if most is None else most}}}"'


def _counts(schema: Mapping[str, Any], low: str, high: str, where: str) -> tuple[int, int | None]:
    least, most = schema.get(low, 0), schema.get(high)
    for value in (least, *([] if most is None else [most])):
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_REPEATS:
            raise BadSchema(f"{where} has {low} or {high} beyond 0 to {MOST_REPEATS}")
    if most is not None and most < least:
        raise BadSchema(f"{where} has a {high} below its {low}")
    return least, most


def _referred(address: Any, root: Any, where: str) -> Any:
    found = root
    if not isinstance(address, str) or not address.startswith("#"):
        raise BadSchema(f"{where} refers to {address!r}, and only definitions of the schema itself are read")
    for name in address[1:].split("/")[1:]:
        found = found.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    if found is None:
        raise BadSchema(f"{where} refers to {address}, which is not there")
    return found


def _literal(value: Any) -> str:
    return escape(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _plain(node: Node) -> bool:
    """Whether what a pattern describes stands within JSON's quotes as it is."""
    match node:
        case Characters(ranges):
            return not any(
                low <= code <= high for low, high in ranges for code in (*range(0x20), 0x22, 0x5C, 0x7F, 0xD800)
            )
        case Sequence(parts) | Choice(parts):
            return all(map(_plain, parts))
        case Repeat(inner):
            return _plain(inner)


def _kind(value: Any) -> str:
    names = {bool: "boolean", str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _any(options: list[str]) -> str:
    return options[0] if len(options) == 1 else f"(?:{'|'.join(options)})"


_WRITERS = {
    "object": _object,
    "array": _array,
    "string": _string,
    "number": lambda *_: NUMBER,
    "integer": lambda *_: INTEGER,
    "boolean": lambda *_: "(?:true|false)",
    "null": lambda *_: "null",
}
