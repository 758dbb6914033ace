"""A conversation with a language model: its messages, what of them still fits into the context, and its file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from upslope.runs.errors import RunProblem
from upslope.runs.files import write_atomically
from upslope.runs.workspace import short
from upslope.ship.language.chat_template import ROLES
from upslope.ship.language.continuation import Piece
from upslope.ship.language.language_model import LanguageModel
from upslope.ship.language.settings import GenerationSettings

VERSION = 1  # of the file


@dataclass
class Conversation:
    """What was said so far. The model reads the newest turns that fit; the oldest drop out first, and that is told."""

    model: LanguageModel
    system: str = ""
    messages: list[dict[str, str]] = field(default_factory=list)
    dropped: int = 0  # turns that no longer fit, at the last answer
    prompt_tokens: int = 0  # of the last answer
    completion_tokens: int = 0
    finish: str = ""

    def __post_init__(self) -> None:
        """One cache for all answers: each reads only what is new since the last."""
        self.cache = self.model.cache()

    def say(self, text: str, settings: GenerationSettings) -> Iterator[Piece]:
        """The answer to a message, piece by piece. A part of it that was shown is kept, whatever ends it.

        RunProblem where the message alone is longer than the context; then nothing has been said.
        """
        self.messages.append({"role": "user", "content": text})
        try:
            tokens, self.dropped = self._window(settings)
        except BaseException:
            self.messages.pop()
            raise
        return self._answered(tokens, settings)

    def reset(self) -> None:
        """Begin anew; the system message stays."""
        self.messages.clear()
        self.dropped = 0

    def save(self, path: Path) -> None:
        """Write the conversation into a file."""
        said = {"version": VERSION, "model": self.model.name, "system": self.system, "messages": self.messages}
        write_atomically(path, (json.dumps(said, ensure_ascii=False, indent=1) + "\n").encode())

    def load(self, path: Path) -> None:
        """Go on with the conversation in a file. RunProblem where it holds none; then nothing has changed."""
        try:
            read = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise RunProblem(f"{short(path)} cannot be read: {(error.strerror or str(error)).lower()}") from None
        except (ValueError, RecursionError):
            raise RunProblem(f"{short(path)} is not a conversation that /save has written") from None
        if not isinstance(read, dict) or read.get("version") != VERSION or not isinstance(read.get("system"), str):
            raise RunProblem(f"{short(path)} is not a conversation that /save has written")
        messages = read.get("messages")
        if not isinstance(messages, list) or not all(_is_message(each) for each in messages):
            raise RunProblem(f"{short(path)} holds messages that are not of the form role and content")
        self.system = read["system"]
        self.messages = [{"role": each["role"], "content": each["content"]} for each in messages]
        self.dropped = 0

    def _window(self, settings: GenerationSettings) -> tuple[list[int], int]:
        """The tokens of the newest turns that leave room for an answer, and how many older turns are left out."""
        room = self.model.context - min(settings.max_tokens, self.model.context // 2)
        told = bool(self.system) and self.model.template is not None
        first = [{"role": "system", "content": self.system}] if told else []
        starts = [place for place, each in enumerate(self.messages) if each["role"] == "user"]
        for turns, start in enumerate(starts):
            tokens = self.model.tokens_of([*first, *self.messages[start:]])
            if len(tokens) <= room:
                return tokens, turns
        if self.model.template is None:  # of a text to be continued the end is enough
            return tokens[-room:], len(starts) - 1
        raise RunProblem(
            f"this message has {len(tokens):,} tokens with what belongs to it, and {self.model.name} reads {room:,} "
            "beside its answer: shorten it"
        )

    def _answered(self, tokens: list[int], settings: GenerationSettings) -> Iterator[Piece]:
        self.prompt_tokens, self.completion_tokens, self.finish = len(tokens), 0, ""
        shown: list[str] = []
        try:
            for piece in self.model.stream(tokens, settings, cache=self.cache):
                shown.append(piece.text)
                self.completion_tokens += piece.token is not None
                self.finish = piece.finish
                yield piece
        finally:
            self.messages.append({"role": "assistant", "content": "".join(shown)})


def with_seed(settings: GenerationSettings, turn: int) -> GenerationSettings:
    """Settings for a turn: each has a seed of its own, so that a question asked twice may be answered in two ways."""
    return replace(settings, seed=settings.seed + turn)


def _is_message(each: object) -> bool:
    if not isinstance(each, dict):
        return False
    role, content = each.get("role"), each.get("content")
    return role in ROLES and isinstance(content, str)
