"""A lab's settings: a frozen, typed object, made from a preset and `key=value` words.

Each lab writes `class Config(LabConfig)` beside its `run`. Unknown names, wrong types and contradictions are refused
when the config is made, before anything is computed, in one sentence that says what to type instead.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from upslope.cards import LabCard
from upslope.runs.errors import ConfigProblem


class LabConfig(BaseModel):
    """What every lab can be told. Labs add their own fields, each with `Field(description=...)`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seed: int = Field(0, ge=0, lt=2**32, description="where all randomness of the run starts")
    threads: int = Field(1, ge=1, le=256, description="threads for matrix products (small arrays are faster on one)")
    track: bool = Field(False, description="mirror the run to MLflow's store in the workspace while it trains")


AConfig = TypeVar("AConfig", bound=LabConfig)


@dataclass(frozen=True)
class Setting:
    """One setting as `upslope lab NAME --help` lists it."""

    name: str
    kind: str  # "int", "float", "mnist | digits", ...
    default: object
    presets: dict[str, object]  # where a preset differs from the default
    help: str


def parse_settings(
    config_class: type[AConfig], settings: Sequence[str], *, card: LabCard, preset: str = "laptop"
) -> AConfig:
    """The config of a preset with `key=value` words laid over it."""
    if preset not in card.presets:
        raise ConfigProblem(
            f'{card.name} has no preset "{preset}"{_did_you_mean(preset, list(card.presets))}'
            f" (presets: {', '.join(card.presets)})"
        )
    values: dict[str, object] = dict(card.presets[preset])
    given: dict[str, str] = {}
    for word in settings:
        name, equals, text = (part.strip() for part in word.partition("="))
        if not equals or not name:
            raise ConfigProblem(f'{card.name}: a setting is written key=value, got "{word}"')
        if name not in config_class.model_fields:
            raise ConfigProblem(_no_such_setting(card.name, name, list(config_class.model_fields)))
        if name in given:
            raise ConfigProblem(f"{card.name}: {name} is given twice, {given[name]} and {text}")
        given[name] = text
        values[name] = _value(config_class, name, text)
    return make_config(config_class, values, lab=card.name)


def make_config(config_class: type[AConfig], values: dict[str, Any], *, lab: str) -> AConfig:
    """Validate a dict of values (from a preset, or from a run's config.json) into a config."""
    try:
        return config_class.model_validate(values)
    except ValidationError as error:
        raise ConfigProblem(_sentence(lab, error.errors()[0], list(config_class.model_fields))) from None


def words_for(config: LabConfig, *, card: LabCard, preset: str) -> list[str]:
    """The fewest `key=value` words that make this config from the preset: what to type to have it again."""
    needed = config.model_dump(mode="json")
    # Leave out, one by one, what follows from the rest; a setting may bring others along, as data=mnist its epochs.
    for name in list(needed):
        fewer = {other: value for other, value in needed.items() if other != name}
        if type(config).model_validate({**card.presets.get(preset, {}), **fewer}) == config:
            needed = fewer
    return setting_words(needed)


def setting_words(settings: Mapping[str, object]) -> list[str]:
    """Settings as they are typed: {"freeze": "conv"} gives ["freeze=conv"]."""
    return [f"{name}={_word(value)}" for name, value in settings.items()]


def _word(value: object) -> str:
    """A setting's value as it is typed."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def settings_of(config_class: type[LabConfig], *, card: LabCard) -> list[Setting]:
    """All settings of a lab, in the order of its file, those of every lab last."""
    common = list(LabConfig.model_fields)
    names = [name for name in config_class.model_fields if name not in common] + common
    listed = []
    for name in names:
        field = config_class.model_fields[name]
        presets = {p: v[name] for p, v in card.presets.items() if name in v and v[name] != field.default}
        listed.append(Setting(name, _kind(field.annotation), field.default, presets, field.description or ""))
    return listed


def _value(config_class: type[LabConfig], name: str, text: str) -> object:
    """A word's value: pydantic reads numbers and truth values from text itself; sequences need splitting."""
    if get_origin(config_class.model_fields[name].annotation) in (tuple, list):
        if text.startswith("["):
            try:
                return json.loads(text)
            except json.JSONDecodeError:
                return text
        return [part.strip() for part in text.strip("()").split(",") if part.strip()]
    return text


def _kind(annotation: Any) -> str:
    if str(get_origin(annotation)).endswith("Literal"):
        return " | ".join(str(choice) for choice in get_args(annotation))
    return getattr(annotation, "__name__", str(annotation)) if not get_args(annotation) else str(annotation)


def _no_such_setting(lab: str, name: str, names: list[str]) -> str:
    return f'{lab} has no setting "{name}"{_did_you_mean(name, names)} (upslope lab {lab} --help lists all)'


def _did_you_mean(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def _sentence(lab: str, error: ErrorDetails, names: list[str]) -> str:
    """One of pydantic's findings as a sentence with the value that came."""
    name = ".".join(str(part) for part in error["loc"])
    came = error.get("input")
    match error["type"]:
        case "extra_forbidden":
            return _no_such_setting(lab, name, names)
        case "value_error":  # a lab's own validator: its words are a sentence already
            said = str(error.get("ctx", {}).get("error", error["msg"]))
            return f"{lab}: {said}" if not name else f"{lab}: {name}={came}: {said}"
        case "int_parsing" | "int_type" | "int_from_float":
            need = "must be a whole number"
        case "float_parsing" | "float_type":
            need = "must be a number"
        case "finite_number":
            need = "must be a finite number"
        case "bool_parsing" | "bool_type":
            need = "must be true or false"
        case "literal_error":
            need = f"must be one of {error.get('ctx', {}).get('expected', '')}".replace("'", "")
        case _:
            need = error["msg"].replace("Input should be", "must be")
            need = need[0].lower() + need[1:]
    return f"{lab}: {name}={came} {need}"
