"""The embedding model beside a language model: loaded when it is first asked, if its weights are on this computer."""

import base64
import threading
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from upslope.cards import ModelCard
from upslope.data.loading.fetch import in_package
from upslope.models import pretrained
from upslope.models.build import find
from upslope.ship.language.embeddings import DEFAULT, Embedder, load
from upslope.ship.serving.api_error import ApiError

MOST = 256  # texts in a request


class Sentences:
    """Texts to vectors, one request at a time."""

    def __init__(self, name: str = DEFAULT, *, make: Callable[[], Embedder] | None = None, queue: int = 32) -> None:
        """`make` loads the model; by default that of this name, which must be here already."""
        self.name, self._make, self.queue = name, make, queue
        self._embedder: Embedder | None = None
        self._lock, self.waiting = threading.Lock(), 0

    @property
    def here(self) -> bool:
        """Whether it can be loaded without a network."""
        if self._make is not None or self._embedder is not None:
            return True
        found, size = find(self.name)
        weights = cast(ModelCard, found.card).sizes[size].weights
        return any(pretrained.path_of(self.name, w.publisher).is_file() or in_package(w.file) for w in weights)

    def answer(self, texts: Sequence[str], *, base64_: bool) -> dict[str, Any]:
        """The body of an answer."""
        if not 1 <= len(texts) <= MOST:
            raise ApiError(400, f"1 to {MOST} texts at a time, not {len(texts)}", param="input")
        with self._lock:
            if self._embedder is None:
                self._embedder = self._make() if self._make else load(self.name, quiet=True)
            embedder = self._embedder
            vectors = embedder(texts)
        tokens = sum(len(embedder.tokenizer.framed(text, longest=embedder.longest)[0]) for text in texts)
        data = [
            {"object": "embedding", "index": n, "embedding": _coded(row) if base64_ else row.tolist()}
            for n, row in enumerate(vectors)
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "model": self.name, "data": data, "usage": usage}


def _coded(row: Any) -> str:
    return base64.b64encode(np.asarray(row, dtype="<f4").tobytes()).decode()
