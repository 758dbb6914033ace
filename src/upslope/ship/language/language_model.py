"""A language model in use: the network, its tokenizer, its chat template and its context, behind one object.

`upslope chat` and servers use the same: a conversation becomes tokens, tokens become a stream of pieces of text. Any
number of requests share a model; what belongs to one of them (cache, seed, what was held back) lives in its stream.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from upslope.blocks.language.cache import StaticCache
from upslope.blocks.language.sampling import likeliest_tokens, sample
from upslope.runs.errors import RunProblem
from upslope.ship.language.chat_template import ChatTemplate, Message
from upslope.ship.language.settings import GenerationSettings
from upslope.ship.language.stop_words import StopWords
from upslope.text.bpe import ByteLevelBPE
from upslope.text.token import Ids, whole_characters


class Decoder(Protocol):
    """Ids to text, one at a time."""

    def push(self, number: int) -> str: ...
    def flush(self) -> str: ...


class Tokenizer(Protocol):
    """What a language model needs of a tokenizer."""

    def encode(self, text: str) -> Ids: ...
    def decode(self, ids: ArrayLike) -> str: ...
    def decoder(self) -> Decoder: ...
    def shown(self, number: int) -> str: ...


@dataclass(frozen=True)
class Piece:
    """A step of a stream: the text that it completed, maybe none, the token behind it, and why it was the last."""

    text: str
    token: int | None = None
    finish: str = ""  # "stop": the model or a stop word ended the text; "length": max_tokens or the context did


@dataclass(frozen=True)
class LanguageModel:
    """A causal model that continues texts; with a template it answers messages, too."""

    name: str
    about: str  # a sentence on what it is
    module: nn.Module
    tokenizer: Tokenizer
    context: int  # tokens that it reads at most
    ends: frozenset[int] = frozenset()  # tokens that end an answer
    template: ChatTemplate | None = None
    begin: tuple[int, ...] = ()  # tokens before every text

    def tokens_of(self, messages: Sequence[Message]) -> list[int]:
        """A conversation as the model reads it, up to where the answer begins."""
        if self.template is None:
            return self.tokens_of_text("".join(each["content"] + "\n" for each in messages))
        assert isinstance(self.tokenizer, ByteLevelBPE)
        whole = [{**each, "content": whole_characters(each["content"])} for each in messages]
        return self.template.encode(whole, self.tokenizer)

    def tokens_of_text(self, text: str) -> list[int]:
        """A text to be continued; of an empty one at least something to begin from."""
        ids = [*self.begin, *self.tokenizer.encode(whole_characters(text)).tolist()]
        return ids or self.tokenizer.encode("\n").tolist()

    def cache(self) -> StaticCache:
        """An empty cache. Given to one stream after the other, it spares what their texts have in common."""
        return StaticCache(most=self.context)

    def stream(
        self, tokens: Sequence[int], settings: GenerationSettings, *, cache: StaticCache | None = None
    ) -> Iterator[Piece]:
        """The text that follows these tokens, piece by piece; the last one says why it ends.

        RunProblem where the tokens leave no room in the context. A model without a template, which knows no turns, goes
        on from the last half of what it reads when its context is full.
        """
        slides = self.template is None
        text = list(tokens)
        if slides and len(text) >= self.context:
            text = text[-(self.context // 2) :]
        if len(text) > self.context:
            raise RunProblem(f"the text has {len(text):,} tokens, and {self.name} reads {self.context:,} at most")
        return self._stream(text, settings, cache or self.cache(), slides=slides)

    def answer(self, tokens: Sequence[int], settings: GenerationSettings) -> str:
        """The whole text that follows."""
        return "".join(piece.text for piece in self.stream(tokens, settings))

    def _stream(
        self, text: list[int], settings: GenerationSettings, cache: StaticCache, *, slides: bool
    ) -> Iterator[Piece]:
        generator = torch.Generator().manual_seed(settings.seed)
        decoder, words = self.tokenizer.decoder(), StopWords(settings.stop)
        new = _unread(text, cache)
        for number in range(settings.max_tokens):
            token = self._step(new, cache, settings, generator)
            if token in self.ends:
                yield Piece(words.push(decoder.flush()) + words.flush(), token, "stop")
                return
            text.append(token)
            new = [token]
            shown = words.push(decoder.push(token))
            full = len(text) > self.context
            if words.found:
                yield Piece(shown, token, "stop")
                return
            if number == settings.max_tokens - 1 or (full and not slides):
                yield Piece(shown + words.push(decoder.flush()) + words.flush(), token, "length")
                return
            yield Piece(shown, token)
            if full:
                text = text[-(self.context // 2) :]
                cache.shorten(0)
                new = text

    @torch.inference_mode()
    def _step(
        self, new: list[int], cache: StaticCache, settings: GenerationSettings, generator: torch.Generator
    ) -> int:
        before = cache.length
        try:
            logits = self.next_logits(torch.tensor([new]), cache)
        except BaseException:  # Ctrl-C, say: some blocks have read the new tokens and others have not
            cache.shorten(before)
            raise
        if not logits.isfinite().all():
            raise RunProblem(f"{self.name} gives outputs that are not numbers: its training diverged, train it again")
        if settings.temperature == 0:
            return int(logits.argmax(dim=-1))
        probabilities, tokens = likeliest_tokens(
            logits, temperature=settings.temperature, top_k=settings.top_k, top_p=settings.top_p
        )
        return int(tokens.gather(1, sample(probabilities, generator=generator)))

    def next_logits(self, tokens: Tensor, cache: StaticCache) -> Tensor:
        """Logits for the token after new ones, (B, V): the head reads the last position alone where it can."""
        module: Any = self.module
        if hasattr(module, "states"):
            logits: Tensor = module.logits(module.states(tokens, cache)[:, -1:])[:, -1]
            return logits
        last: Tensor = module(tokens, cache)[:, -1]
        return last


def _unread(text: list[int], cache: StaticCache) -> list[int]:
    """The tokens that a cache has not read yet; what it read beyond the common beginning is forgotten."""
    read = [] if cache.tokens is None else cache.tokens[0].tolist()
    common = next((n for n, (a, b) in enumerate(zip(read, text, strict=False)) if a != b), min(len(read), len(text)))
    common = min(common, len(text) - 1)  # the last one is read again: its logits are wanted
    cache.shorten(common)
    return text[common:]
