"""What a client may ask, as OpenAI's API has it: https://platform.openai.com/docs/api-reference.

Beyond it, under the names that vLLM gives them: top_k, min_p, repetition_penalty; and `regex`, a pattern that the
answer matches. What cannot be done here (tools, several modalities, a bias on tokens) is refused, not passed over;
fields that only describe the request are taken and change nothing. Defaults are the model's own (`defaults`).
"""

import secrets
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from upslope.runs.errors import RunProblem
from upslope.ship.language.settings import GenerationSettings
from upslope.ship.serving.api_error import ApiError
from upslope.text.json_schema import any_object, pattern_of
from upslope.text.regular_expression import BadPattern

MOST_CHOICES = 16
Number = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class StreamOptions(_Strict):
    """Whether the last chunk of a stream says what was used."""

    include_usage: bool = False
    include_obfuscation: bool | None = None


class NamedSchema(_Strict):
    """A JSON schema for an answer."""

    name: str = ""
    description: str | None = None
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(_Strict):
    """Text, any JSON object, or what a schema describes."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None


class Generated(_Strict):
    """What completions and chats have in common."""

    model: str = ""
    n: int = Field(default=1, ge=1, le=MOST_CHOICES)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: Number | None = Field(default=None, ge=0, le=2)
    top_p: Number | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=-1)  # -1, as in vLLM, and 0: all
    min_p: Number | None = Field(default=None, ge=0, le=1)
    repetition_penalty: Number | None = Field(default=None, gt=0)
    presence_penalty: Number | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: Number | None = Field(default=None, ge=-2, le=2)
    seed: int | None = None
    stop: str | list[str] | None = None
    response_format: ResponseFormat | None = None
    regex: str | None = None
    # These describe a request and change nothing of its answer.
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    service_tier: str | None = None
    # These would change it, and cannot be done here.
    logit_bias: dict[str, Any] | None = None

    @field_validator("logit_bias")
    @classmethod
    def _no_bias(cls, value: Any) -> Any:
        return _nothing(value, "a bias on tokens is not possible here")

    @field_validator("stop")
    @classmethod
    def _words(cls, value: str | list[str] | None) -> str | list[str] | None:
        words = [value] if isinstance(value, str) else value or []
        if len(words) > 16 or not all(words):
            raise ValueError("up to 16 stop words, each of at least one character")
        return value

    @property
    def pattern(self) -> str:
        """The regular expression that the answer is to match, "" for none. ApiError where it cannot be followed."""
        form = self.response_format
        asked = form is not None and form.type != "text"
        if asked and self.regex is not None:
            raise ApiError(400, "regex and response_format exclude each other", param="regex")
        if not asked:
            return self.regex or ""
        assert form is not None
        if form.type == "json_object":
            return any_object()
        if form.json_schema is None:
            raise ApiError(400, "response_format.json_schema is missing", param="response_format")
        try:
            return pattern_of(form.json_schema.schema_)
        except BadPattern as error:
            raise ApiError(400, str(error), param="response_format", code="invalid_json_schema") from None

    def settings(self, defaults: GenerationSettings, *, most: int, top_logprobs: int | None) -> GenerationSettings:
        """How the answer is drawn; the model's own defaults for what is not said. `most`: tokens, unless said."""

        def said(name: str) -> Any:
            value = getattr(self, name)
            return getattr(defaults, name) if value is None else value

        words = [self.stop] if isinstance(self.stop, str) else self.stop or []
        names = ("temperature", "top_p", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty")
        return GenerationSettings(
            **{name: float(said(name)) for name in names},
            top_k=max(0, said("top_k")),
            max_tokens=self.max_tokens or most,
            seed=(secrets.randbits(32) if self.seed is None else self.seed) % 2**62,
            stop=tuple(words),
            pattern=self.pattern,
            top_logprobs=top_logprobs,
        )


class Completion(Generated):
    """POST /v1/completions."""

    prompt: str | list[str] | list[int] | list[list[int]] = "\n"
    logprobs: int | None = Field(default=None, ge=0, le=20)
    echo: bool | None = None
    suffix: str | None = None
    best_of: int | None = None

    @field_validator("echo", "suffix")
    @classmethod
    def _not_here(cls, value: Any) -> Any:
        return _nothing(value, "this is not possible here: the text that follows a prompt is all there is")

    @field_validator("best_of")
    @classmethod
    def _one(cls, value: int | None) -> Any:
        return _nothing(None if value == 1 else value, "best_of is not possible here: ask for n choices")

    @property
    def prompts(self) -> list[str | list[int]]:
        """One or several, as texts or as tokens."""
        given: Any = self.prompt
        if isinstance(given, str) or (given and isinstance(given[0], int)):
            return [given]
        if not 1 <= len(given) <= MOST_CHOICES:
            raise ApiError(400, f"1 to {MOST_CHOICES} prompts at a time, not {len(given)}", param="prompt")
        return list(given)


class TextPart(_Strict):
    """A part of a message: text, and nothing else here."""

    type: Literal["text"]
    text: str


class ChatMessage(BaseModel):
    """A turn of a conversation."""

    model_config = ConfigDict(extra="ignore", strict=True)
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    def plain(self) -> dict[str, str]:
        """As the chat template has it."""
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return {"role": "system" if self.role == "developer" else self.role, "content": text}


class Chat(Generated):
    """POST /v1/chat/completions."""

    messages: list[ChatMessage] = Field(min_length=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    logprobs: bool | None = None
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    tools: list[Any] | None = None
    tool_choice: Any = None
    functions: list[Any] | None = None
    parallel_tool_calls: bool | None = None
    modalities: list[str] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None

    @field_validator("tools", "functions")
    @classmethod
    def _no_tools(cls, value: Any) -> Any:
        return _nothing(value, "the model was not taught to use tools")


class Embedding(_Strict):
    """POST /v1/embeddings."""

    model: str = ""
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None


def _nothing(value: Any, why: str) -> Any:
    if value:
        raise ValueError(why)
    return None


def refused(problem: RunProblem) -> ApiError:
    """What a model says to a request that it cannot answer."""
    too_long = "reads" in str(problem) and "tokens" in str(problem)
    return ApiError(400, str(problem), code="context_length_exceeded" if too_long else None)
