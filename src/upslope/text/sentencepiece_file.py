"""SentencePiece's model files, such as T5's spiece.model, read as they are.

T. Kudo, J. Richardson, "SentencePiece: A simple and language independent subword tokenizer and detokenizer for Neural
Text Processing", 2018, https://arxiv.org/abs/1808.06226. The file is one message in the wire format of Protocol
Buffers (https://protobuf.dev/programming-guides/encoding): fields one after the other, each a number and a kind
together in one varint, then a varint, four bytes, eight bytes, or a length and that many bytes. Numbers of fields are
those of the project's sentencepiece_model.proto. Fields that are not needed are passed over, as the format wants it.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from upslope.text.token import BadTokenizer

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)  # types of pieces
UNIGRAM = 1
_ALGORITHMS = {1: "unigram", 2: "BPE", 3: "words", 4: "characters"}

Field = tuple[int, int | bytes]


@dataclass(frozen=True)
class Piece:
    """A line of the vocabulary; its place is its id."""

    text: str
    score: float  # log-probability
    type: int = NORMAL


@dataclass(frozen=True)
class SentencePieceModel:
    """What is in a model file, as far as it is needed to encode."""

    pieces: tuple[Piece, ...]
    algorithm: int = UNIGRAM
    byte_fallback: bool = False
    space_at_end: bool = False  # the mark for a space follows a word
    table: bytes = b""  # what characters are replaced by
    dummy_prefix: bool = True  # a space before the text
    collapse_spaces: bool = True
    escape_spaces: bool = True
    unknown_surface: str = " \u2047 "  # what an unknown piece is decoded as


def parse_sentencepiece(content: bytes, where: str) -> SentencePieceModel:
    """The model in the content of a file called `where`. BadTokenizer with one sentence where there is none."""
    try:
        model = _model(content)
    except (ValueError, IndexError, KeyError, struct.error):
        raise BadTokenizer(f"{where} is no SentencePiece model, or a damaged one") from None
    if not model.pieces:
        raise BadTokenizer(f"{where} is no SentencePiece model: it holds no pieces")
    if model.algorithm != UNIGRAM:
        kind = _ALGORITHMS.get(model.algorithm, f"type {model.algorithm}")
        raise BadTokenizer(f"{where} is a SentencePiece model of the kind {kind}; only unigram models are read")
    return model


def _model(content: bytes) -> SentencePieceModel:
    pieces: list[Piece] = []
    trainer: dict[int, int | bytes] = {}
    normalizer: dict[int, int | bytes] = {}
    for number, value in fields(content):
        if number == 1:
            pieces.append(_piece(_message(value)))
        elif number == 2:
            trainer = dict(fields(_message(value)))
        elif number == 3:
            normalizer = dict(fields(_message(value)))
    return SentencePieceModel(
        pieces=tuple(pieces),
        algorithm=int(trainer.get(3, UNIGRAM)),
        space_at_end=bool(trainer.get(24, False)),
        byte_fallback=bool(trainer.get(35, False)),
        unknown_surface=_message(trainer.get(44, SentencePieceModel.unknown_surface.encode())).decode(),
        table=_message(normalizer.get(2, b"")),
        dummy_prefix=bool(normalizer.get(3, True)),
        collapse_spaces=bool(normalizer.get(4, True)),
        escape_spaces=bool(normalizer.get(5, True)),
    )


def _piece(content: bytes) -> Piece:
    found = dict(fields(content))
    (score,) = struct.unpack("<f", _message(found.get(2, bytes(4))))
    return Piece(_message(found[1]).decode(), score, int(found.get(3, NORMAL)))


def _message(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number stands where bytes are needed")
    return value


def fields(content: bytes) -> Iterator[Field]:
    """The fields of a message: numbers as they are, everything else as bytes."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        number, kind = key >> 3, key & 7
        value: int | bytes
        if kind == 0:
            value, place = _varint(content, place)
        else:
            if kind == 2:
                length, place = _varint(content, place)
            elif kind in (1, 5):
                length = 8 if kind == 1 else 4
            else:
                raise ValueError(f"a field of the kind {kind}")
            value = content[place : place + length]
            if len(value) != length:
                raise ValueError("a field is cut off")
            place += length
        if number == 0:
            raise ValueError("a field without a number")
        yield number, value


def _varint(content: bytes, place: int) -> tuple[int, int]:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    value = shift = 0
    while shift < 70:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
    raise ValueError("a number has more than ten bytes")
