"""What a language model in use needs of a tokenizer."""

from collections.abc import Iterable
from typing import Protocol


class Decoder(Protocol):
    """Ids to text, one at a time."""

    def push(self, number: int) -> str: ...
    def flush(self) -> str: ...


class Tokenizer(Protocol):
    """Texts to ids and back."""

    def encode(self, text: str) -> list[int]: ...
    def decode(self, ids: Iterable[int]) -> str: ...
    def decoder(self) -> Decoder: ...
    def token_bytes(self) -> list[bytes]: ...
