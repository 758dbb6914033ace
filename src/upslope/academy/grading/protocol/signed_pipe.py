"""The pipe on which a grading child reports: framed messages, each signed with a secret and a sequence number.

The learner's code lives in the same process as the writing end, so a message counts only with its signature:
HMAC-SHA256 over its number and its bytes, under a secret that the child was given before it loaded the learner's code.
A message that is forged, repeated, missing, changed or out of order breaks the sequence, and the reader reports that
instead of guessing.
"""

import hashlib
import hmac
import json
import os
import struct
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

Message = dict[str, Any]

_HEAD = struct.Struct(">I")
_SEAL, _BLOCK = hashlib.sha256().digest_size, hashlib.sha256().block_size
_LONGEST = 1 << 20


class Forged(ValueError):
    """Bytes on the pipe that the child did not write."""


class Writer:
    """The child's end. The secret itself is not kept: only hashes that have already taken it in.

    HMAC (RFC 2104) and the JSON are written out, because Python's own classes for them can be changed by anybody.
    """

    def __init__(self, descriptor: int, secret: bytes) -> None:
        self._descriptor = descriptor
        key = secret.ljust(_BLOCK, b"\0")
        self._inner, self._outer = (hashlib.sha256(bytes(byte ^ pad for byte in key)) for pad in (0x36, 0x5C))
        self._number = 0

    def send(self, message: Message) -> None:
        self.send_bytes(encoded(message))

    def send_bytes(self, content: bytes) -> None:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(self._number.to_bytes(8, "big") + content)
        outer.update(inner.digest())
        self._number += 1
        left = memoryview(_HEAD.pack(len(content)) + outer.digest() + content)
        while left:
            left = left[os.write(self._descriptor, left) :]


def encoded(message: Any) -> bytes:
    """A message as JSON: plain dicts, lists, texts, numbers and None."""
    return _json(message).encode()


def _json(value: Any) -> str:
    kind = type(value)
    if kind is dict:
        return "{" + ",".join([_quoted(key) + ":" + _json(part) for key, part in value.items()]) + "}"
    if kind is list or kind is tuple:
        return "[" + ",".join([_json(part) for part in value]) + "]"
    if kind is str:
        return _quoted(value)
    if value is None or kind is bool:
        return {None: "null", True: "true", False: "false"}[value]
    if kind is int or kind is float:
        return repr(value)
    raise TypeError(f"a message holds a {kind.__name__}")


class Reader:
    """The parent's end: takes bytes as they come and gives the messages that are whole and true."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._held = bytearray()
        self._number = 0

    def feed(self, piece: bytes) -> list[Message]:
        """The messages that `piece` completes; raises Forged at the first that is not the child's."""
        self._held += piece
        found: list[Message] = []
        while len(self._held) >= _HEAD.size:
            (length,) = _HEAD.unpack_from(self._held)
            if length > _LONGEST:
                raise Forged(f"a message of {length} bytes was announced")
            end = _HEAD.size + _SEAL + length
            if len(self._held) < end:
                break
            seal, content = bytes(self._held[_HEAD.size : _HEAD.size + _SEAL]), bytes(self._held[end - length : end])
            true = hmac.digest(self._secret, self._number.to_bytes(8, "big") + content, "sha256")
            if not hmac.compare_digest(seal, true):
                raise Forged(f"message {self._number} has no valid signature")
            self._number += 1
            del self._held[:end]
            found.append(json.loads(content))
        return found

    @property
    def unfinished(self) -> bool:
        """Whether bytes are left over that make no message."""
        return bool(self._held)
