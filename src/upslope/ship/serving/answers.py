"""Answers in OpenAI's form: completions and chats, whole and as chunks of a stream."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from upslope.ship.language.continuation import Choice, Piece
from upslope.ship.language.language_model import LanguageModel


@dataclass
class Written:
    """What has come of one choice so far."""

    text: list[str] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)  # the tokens behind it, but not those that end it
    finish: str = ""
    tokens: int = 0

    def take(self, piece: Piece, ends: frozenset[int]) -> None:
        """One piece more."""
        self.text.append(piece.text)
        self.tokens += 1
        self.finish = piece.finish
        if piece.choice is not None and piece.token not in ends:
            self.choices.append(piece.choice)


class Answer:
    """The answer to one request: its id, and how its pieces and its whole are said."""

    def __init__(self, model: LanguageModel, *, chat: bool, logprobs: bool, prompt_tokens: int) -> None:
        self.model, self.chat, self.logprobs, self.prompt_tokens = model, chat, logprobs, prompt_tokens
        self.id = f"{'chatcmpl' if chat else 'cmpl'}-{secrets.token_hex(12)}"
        self.created = int(time.time())
        self._offsets: dict[int, int] = {}

    def chunk(self, number: int, piece: Piece) -> dict[str, Any]:
        """A piece of one choice."""
        tokens = [piece.choice] if piece.choice and piece.token not in self.model.ends else []
        said = {"index": number, "finish_reason": piece.finish or None, "logprobs": self._logprobs(tokens, number)}
        said |= {"delta": {"content": piece.text}} if self.chat else {"text": piece.text}
        return self._body([said], stream=True)

    def opening(self, number: int) -> dict[str, Any]:
        """The first chunk of a choice of a chat: who speaks."""
        delta = {"role": "assistant", "content": ""}
        return self._body([{"index": number, "delta": delta, "finish_reason": None, "logprobs": None}], stream=True)

    def closing(self, tokens: int) -> dict[str, Any]:
        """The last chunk, if it was asked for: what was used."""
        return self._body([], stream=True) | {"usage": self.usage(tokens)}

    def whole(self, written: list[Written]) -> dict[str, Any]:
        """All choices at once."""
        choices = []
        for number, each in enumerate(written):
            text, logprobs = "".join(each.text), self._logprobs(each.choices, number)
            said: dict[str, Any] = {"index": number, "finish_reason": each.finish, "logprobs": logprobs}
            spoken = {"role": "assistant", "content": text, "refusal": None}
            choices.append(said | ({"message": spoken} if self.chat else {"text": text}))
        return self._body(choices, stream=False) | {"usage": self.usage(sum(each.tokens for each in written))}

    def usage(self, tokens: int) -> dict[str, int]:
        """Tokens read and written."""
        total = self.prompt_tokens + tokens
        return {"prompt_tokens": self.prompt_tokens, "completion_tokens": tokens, "total_tokens": total}

    def _body(self, choices: list[dict[str, Any]], *, stream: bool) -> dict[str, Any]:
        kind = "text_completion" if not self.chat else f"chat.completion{'.chunk' if stream else ''}"
        said = {"id": self.id, "object": kind, "created": self.created, "model": self.model.name}
        return said | {"system_fingerprint": None, "choices": choices}

    def _logprobs(self, choices: list[Choice], number: int) -> dict[str, Any] | None:
        if not self.logprobs:
            return None
        if self.chat:
            content = [
                self._token(c.token, c.logprob or 0.0)
                | {"top_logprobs": [self._token(token, value) for token, value in c.likeliest]}
                for c in choices
            ]
            return {"content": content, "refusal": None}
        offsets = []
        for choice in choices:  # where each token begins in the text
            offsets.append(self._offsets.get(number, 0))
            self._offsets[number] = offsets[-1] + len(self._shown(choice.token))
        return {
            "tokens": [self._word(choice.token) for choice in choices],
            "token_logprobs": [choice.logprob for choice in choices],
            "top_logprobs": [{self._word(token): value for token, value in choice.likeliest} for choice in choices],
            "text_offset": offsets,
        }

    def _token(self, token: int, logprob: float) -> dict[str, Any]:
        return {"token": self._word(token), "logprob": logprob, "bytes": list(self.model.vocabulary.tokens[token])}

    def _shown(self, token: int) -> str:
        return self.model.vocabulary.tokens[token].decode(errors="replace")

    def _word(self, token: int) -> str:
        """A token by name: halves of characters by their bytes, as OpenAI names them, special ones by what they are."""
        said = self.model.vocabulary.tokens[token]
        try:
            return said.decode() or self.model.tokenizer.decode([token])
        except UnicodeDecodeError:
            return "bytes:" + "".join(f"\\x{byte:02x}" for byte in said)
