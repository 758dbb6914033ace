"""A language model in use: the network, its tokenizer, its chat template and its context, behind one object.

`upslope chat` and servers use the same: a conversation becomes tokens, tokens become a stream of pieces of text. Any
number of requests share a model; what belongs to one of them (cache, seed, what was held back) lives in its stream.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from upslope.blocks.language.cache import KeyValueCache, StaticCache
from upslope.runs.errors import RunProblem
from upslope.ship.language.chat_template import ChatTemplate, Message
from upslope.ship.language.continuation import Continuation, Piece
from upslope.ship.language.settings import GenerationSettings
from upslope.ship.language.tokenizer import Tokenizer
from upslope.text.automaton import automaton
from upslope.text.bpe import ByteLevelBPE
from upslope.text.regular_expression import BadPattern
from upslope.text.token import whole_characters
from upslope.text.token_mask import TokenMask, Vocabulary

MASKS = 32  # patterns whose masks are kept


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

    @property
    def defaults(self) -> GenerationSettings:
        """How it is best asked: a model that answers with little chance, one that goes on with texts with more."""
        plain = GenerationSettings()
        return plain if self.template is not None else replace(plain, temperature=0.8, top_p=1.0)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The bytes of all tokens, for masks; made at the first use."""
        return Vocabulary(self.tokenizer.token_bytes())

    @cached_property
    def _masks(self) -> dict[str, TokenMask]:
        return {}

    def mask(self, pattern: str) -> TokenMask:
        """Which tokens may follow so that a text matches; kept for the next one who asks. RunProblem says why not."""
        if pattern not in self._masks:
            try:
                made = TokenMask(automaton(pattern), self.vocabulary, sorted(self.ends))
            except BadPattern as error:
                raise RunProblem(str(error)) from None
            if not made.allowed(made.start).any():
                raise RunProblem(f"no text that {self.name} can write matches the pattern: it lacks characters of it")
            while len(self._masks) >= MASKS:
                self._masks.pop(next(iter(self._masks)), None)
            self._masks[pattern] = made
        return self._masks[pattern]

    def begin_text(self, tokens: Sequence[int], settings: GenerationSettings) -> Continuation:
        """What the stream of these tokens will be about; RunProblem where they leave no room in the context.

        A model without a template, which knows no turns, goes on from the last half of what it reads when its context
        is full.
        """
        slides = self.template is None
        text = list(tokens)
        if slides and len(text) >= self.context:
            text = text[-(self.context // 2) :]
        if len(text) > self.context:
            raise RunProblem(f"the text has {len(text):,} tokens, and {self.name} reads {self.context:,} at most")
        return Continuation(
            text,
            settings,
            name=self.name,
            decoder=self.tokenizer.decoder(),
            ends=self.ends,
            context=self.context,
            slides=slides,
            mask=self.mask(settings.pattern) if settings.pattern else None,
        )

    def stream(
        self, tokens: Sequence[int], settings: GenerationSettings, *, cache: StaticCache | None = None
    ) -> Iterator[Piece]:
        """The text that follows these tokens, piece by piece; the last one says why it ends. RunProblem: no room."""
        return self._stream(self.begin_text(tokens, settings), cache or self.cache())

    def answer(self, tokens: Sequence[int], settings: GenerationSettings) -> str:
        """The whole text that follows."""
        return "".join(piece.text for piece in self.stream(tokens, settings))

    def _stream(self, text: Continuation, cache: StaticCache) -> Iterator[Piece]:
        while not text.finish:
            new = unread(text.window, cache)
            yield text.take(text.choose(self.step(torch.tensor([new]), cache)[0]))

    @torch.inference_mode()
    def step(self, tokens: Tensor, cache: StaticCache) -> Tensor:
        """Read new tokens of one text, (1, T): the logits for the next one, (1, V)."""
        before = cache.length
        try:
            return self.next_logits(tokens, cache)
        except BaseException:  # Ctrl-C, say: some blocks have read the new tokens and others have not
            cache.shorten(before)
            raise

    def next_logits(self, tokens: Tensor, cache: KeyValueCache) -> Tensor:
        """Logits for the token after new ones, (B, V): the head reads the last position alone where it can."""
        module: Any = self.module
        if hasattr(module, "states"):
            logits: Tensor = module.logits(module.states(tokens, cache)[:, -1:])[:, -1]
            return logits
        last: Tensor = module(tokens, cache)[:, -1]
        return last


def unread(text: Sequence[int], cache: StaticCache) -> list[int]:
    """The tokens that a cache has not read yet; what it read beyond the common beginning is forgotten."""
    read = [] if cache.tokens is None else cache.tokens[0].tolist()
    if len(read) == len(text) - 1 and read == text[:-1]:
        return [text[-1]]
    common = next((n for n, (a, b) in enumerate(zip(read, text, strict=False)) if a != b), min(len(read), len(text)))
    common = min(common, len(text) - 1)  # the last one is read again: its logits are wanted
    cache.shorten(common)
    return list(text[common:])
