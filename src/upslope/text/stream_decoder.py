"""Text from tokens that come one at a time: a character of several tokens appears with its last one."""

import codecs
from collections.abc import Callable


class StreamDecoder:
    """Ids to text, one after the other. `bytes_of` says which bytes an id stands for."""

    def __init__(self, bytes_of: Callable[[int], bytes]) -> None:
        self._bytes_of = bytes_of
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, number: int) -> str:
        """The characters that this id completes."""
        return self._decoder.decode(self._bytes_of(number))

    def flush(self) -> str:
        """What was left incomplete, as U+FFFD."""
        return self._decoder.decode(b"", True)
