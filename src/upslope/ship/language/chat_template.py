"""Chat templates: the messages of a conversation as the one text that a model was trained to continue.

A published model brings its template along, a program in Jinja. It runs in Jinja's sandbox: it may read the messages,
and neither attributes of Python's objects nor anything beyond them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from upslope.runs.errors import RunProblem
from upslope.text.token import Tokenizer, split_special

Message = Mapping[str, str]  # {"role": "user", "content": "Hello"}
ROLES = ("system", "user", "assistant")


class ChatTemplate:
    """A template with the names that transformers gives to all of them."""

    def __init__(self, source: str, *, begin: str = "", end: str = "") -> None:
        """`begin` and `end`: what the template means by bos_token and eos_token."""
        from jinja2 import TemplateSyntaxError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _to_json
        environment.globals.update(raise_exception=_refuse, bos_token=begin, eos_token=end)
        self.source = source
        try:
            self._template = environment.from_string(source)
        except TemplateSyntaxError as error:
            raise RunProblem(f"the chat template of the model cannot be read: {error}") from None

    def render(self, messages: Sequence[Message], *, ask: bool = True) -> str:
        """The text of a conversation; `ask`: up to where the answer begins. RunProblem where the template refuses."""
        from jinja2 import TemplateError

        try:
            return self._template.render(messages=[dict(each) for each in messages], add_generation_prompt=ask)
        except (TemplateError, TypeError, ValueError, AttributeError, KeyError) as error:
            raise RunProblem(f"the model's chat template does not take this conversation: {error}") from None

    def encode(self, messages: Sequence[Message], tokenizer: Tokenizer, *, ask: bool = True) -> list[int]:
        """The tokens of a conversation. Only the template's own words become special tokens.

        What looks like one in a message stays text: nobody ends their turn and speaks as somebody else. Such words are
        broken, before the template takes them in, by a character that occurs in no message, and mended afterwards.
        """
        spoken = "".join(each["content"] for each in messages) + self.source
        mark = next(chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in spoken)
        safe = [{**each, "content": _broken(each["content"], tokenizer.special, mark)} for each in messages]
        ids: list[int] = []
        for _, part, number in split_special(self.render(safe, ask=ask), tokenizer.special, list(tokenizer.special)):
            ids += tokenizer.encode(part.replace(mark, "")).tolist() if number is None else [number]
        return ids


def _broken(text: str, special: Mapping[str, int], mark: str) -> str:
    for token in special:
        text = text.replace(token, token[0] + mark + token[1:])
    return text


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> NoReturn:
    from jinja2 import TemplateError

    raise TemplateError(message)
