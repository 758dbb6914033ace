"""One text as it is continued: which token comes next, what of it is shown, and when it ends.

It knows nothing of networks and caches. Whoever reads the tokens, alone (language_model.py) or many texts at once
(serving/scheduler.py), hands in logits and gets a piece of text; so a text is the same alone and among others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from upslope.blocks.language.min_p import keep_min_p
from upslope.blocks.language.penalties import presence_frequency_penalty, repetition_penalty
from upslope.blocks.language.sampling import likeliest_tokens, sample
from upslope.runs.errors import RunProblem
from upslope.ship.language.settings import GenerationSettings
from upslope.ship.language.stop_words import StopWords
from upslope.ship.language.tokenizer import Decoder
from upslope.text.token_mask import TokenMask


@dataclass(frozen=True)
class Choice:
    """A token, and with `top_logprobs` its log-probability, before temperature and penalties, and the likeliest."""

    token: int
    logprob: float | None = None
    likeliest: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Piece:
    """A step of a stream: the text that it completed, maybe none, the token behind it, and why it was the last."""

    text: str
    token: int | None = None
    finish: str = ""  # "stop": the model or a stop word ended the text; "length": max_tokens or the context did
    choice: Choice | None = None


class Continuation:
    """The state of a text that is being continued."""

    def __init__(
        self,
        tokens: Sequence[int],
        settings: GenerationSettings,
        *,
        name: str,
        decoder: Decoder,
        ends: frozenset[int],
        context: int,
        slides: bool = False,
        mask: TokenMask | None = None,
    ) -> None:
        """`slides`: a full context is no end; the last half of it is read again, and the text goes on."""
        self.settings, self.name, self.ends, self.context, self.slides = settings, name, ends, context, slides
        self.window = list(tokens)  # what the model is to have read before the next token
        self.count = 0  # tokens written
        self.finish = ""
        self._decoder, self._words = decoder, StopWords(settings.stop)
        self._generator = torch.Generator().manual_seed(settings.seed)
        self._mask, self._state = mask, mask.start if mask else 0
        self._counts: Tensor | None = None  # how often each token was written, and which were read, if it matters
        self._seen: Tensor | None = None

    @torch.inference_mode()
    def choose(self, logits: Tensor) -> Choice:
        """The next token, from its logits (V,). RunProblem where they are no numbers, or the pattern has no way on."""
        if not logits.isfinite().all():
            raise RunProblem(f"{self.name} gives outputs that are not numbers: its training diverged, train it again")
        found = self._allowed(self._penalised(logits.float()))[None]
        how = self.settings
        if how.temperature == 0:
            token = int(found.argmax(dim=-1))
        else:
            probabilities, tokens = likeliest_tokens(
                found, temperature=how.temperature, top_k=how.top_k, top_p=how.top_p
            )
            if how.min_p:
                probabilities = keep_min_p(probabilities, how.min_p)
            token = int(tokens.gather(1, sample(probabilities, generator=self._generator)))
        if how.top_logprobs is None:
            return Choice(token)
        logs = logits.float().log_softmax(dim=-1)
        values, which = logs.topk(min(how.top_logprobs, len(logs)))
        return Choice(token, float(logs[token]), tuple(zip(which.tolist(), values.tolist(), strict=True)))

    @torch.inference_mode()
    def take(self, choice: Choice) -> Piece:
        """Go on with a token: the piece of text that it completes. The last one says why it is the last."""
        token = choice.token
        self.count += 1
        if token in self.ends:
            return self._last(self._words.push(self._decoder.flush()) + self._words.flush(), choice, "stop")
        self.window.append(token)
        if self._counts is not None:
            self._counts[token] += 1
        shown = self._words.push(self._decoder.push(token))
        if self._words.found:
            return self._last(shown, choice, "stop")
        if self._mask is not None:
            self._state = self._mask.step(self._state, token)
        full = len(self.window) > self.context
        complete = self._mask is not None and self._mask.complete(self._state)
        if complete or self.count == self.settings.max_tokens or (full and not self.slides):
            rest = self._words.push(self._decoder.flush()) + self._words.flush()
            return self._last(shown + rest, choice, "stop" if complete or self._words.found else "length")
        if full:
            self.window = self.window[-(self.context // 2) :]
        return Piece(shown, token, choice=choice)

    def _last(self, text: str, choice: Choice, finish: str) -> Piece:
        self.finish = finish
        return Piece(text, choice.token, finish, choice)

    def _penalised(self, logits: Tensor) -> Tensor:
        how = self.settings
        if how.repetition_penalty == 1 and not how.presence_penalty and not how.frequency_penalty:
            return logits
        if self._counts is None or self._seen is None:
            self._counts = torch.zeros(len(logits), dtype=torch.int64)
            self._seen = torch.zeros(len(logits), dtype=torch.bool)
            self._seen[self.window] = True
        if how.repetition_penalty != 1:
            logits = repetition_penalty(logits, self._seen | (self._counts > 0), how.repetition_penalty)
        return presence_frequency_penalty(
            logits, self._counts, presence=how.presence_penalty, frequency=how.frequency_penalty
        )

    def _allowed(self, logits: Tensor) -> Tensor:
        if self._mask is None:
            return logits
        known = torch.from_numpy(self._mask.allowed(self._state))
        allowed = torch.zeros(len(logits), dtype=torch.bool)  # logits beyond the vocabulary stand for no text
        allowed[: len(known)] = known
        if not allowed.any():
            raise RunProblem(f"{self.name} has no token with which the text could still match the pattern")
        return logits.masked_fill(~allowed, float("-inf"))
