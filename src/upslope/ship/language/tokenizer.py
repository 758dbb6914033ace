"""What a language model in use needs of a tokenizer."""

from typing import Protocol

from numpy.typing import ArrayLike

from upslope.text.token import Ids


class Decoder(Protocol):
    """Ids to text, one at a time."""

    def push(self, number: int) -> str: ...
    def flush(self) -> str: ...


class Tokenizer(Protocol):
    """Texts to ids and back."""

    def encode(self, text: str) -> Ids: ...
    def decode(self, ids: ArrayLike) -> str: ...
    def decoder(self) -> Decoder: ...
    def shown(self, number: int) -> str: ...
    def token_bytes(self) -> list[bytes]: ...
