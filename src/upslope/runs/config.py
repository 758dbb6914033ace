"""A lab's settings: a frozen, typed object, made from a preset and `key=value` words.

Each lab writes `class Config(LabConfig)` beside its `run`. Unknown names, wrong types and contradictions are refused
when the config is made, before anything is computed, in one sentence that says what to type instead.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from upslope.cards import LabCard
from upslope.runs.errors import ConfigProblem
from upslope.spelling import did_you_mean


class LabConfig(BaseModel):
    """What every lab can be told. Labs add their own fields, each with `Field(description=...)`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    # Settings of all labs that change nothing in this one, and why.
    unused: ClassVar[Mapping[str, str]] = {}

    seed: int = Field(0, ge=0, lt=2**32, description="where all randomness of the run starts")
    threads: int = Field(1, ge=1, le=256, description="threads for matrix products (small arrays are faster on one)")
    track: bool = Field(False, description="mirror the run to MLflow's store in the workspace while it trains")

    def check_machine(self) -> None:
        """Refuse with a ConfigProblem what this machine cannot do; asked before a run gets its folder."""

    @model_validator(mode="after")
    def _all_used(self) -> Self:
        for name, because in self.unused.items():
            self.refuse_unused(name, because=f"changes nothing, because {because}")
        for name, field in type(self).model_fields.items():
            extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
            for other, needs in cast(dict[str, Any], extra.get("only_with", {})).items():
                if (now := getattr(self, other)) != needs:
                    because = f"counts only with {other}={_word(needs)}, and {other} is {_word(now)}"
                    self.refuse_unused(name, because=because)
        return self

    def refuse_unused(self, *names: str, because: str) -> None:
        """For validators: refuse settings that change nothing together with the others, unless left as they are.

        A setting that is taken without effect is worse than an error: its result is read as if it had counted.
        """
        for name in names:
            value = getattr(self, name)
            if value != type(self).model_fields[name].default:
                raise ValueError(f"{name}={_word(value)} {because}: leave it out")


def only_with(**others: Any) -> dict[str, Any]:
    """For a Field that counts only while others have these values: `json_schema_extra=only_with(model="vit")`."""
    return {"only_with": others}


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
            f'{card.name} has no preset "{preset}"{did_you_mean(preset, list(card.presets))}'
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
        if _same(config, {**card.presets.get(preset, {}), **fewer}):
            needed = fewer
    return setting_words(needed)


def _same(config: LabConfig, values: dict[str, Any]) -> bool:
    """Whether these values make this config; they may also contradict one another."""
    try:
        return type(config).model_validate(values) == config
    except ValidationError:
        return False


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
    return f'{lab} has no setting "{name}"{did_you_mean(name, names)} (upslope lab {lab} --help lists all)'


def _sentence(lab: str, error: ErrorDetails, names: list[str]) -> str:
    """One of pydantic's findings as a sentence with the value that came."""
    name, *inside = (str(part) for part in error["loc"] or ("",))
    came = error.get("input")
    match error["type"]:
        case "extra_forbidden":
            return _no_such_setting(lab, name, names)
        case "value_error":  # a lab's own validator: its words are a sentence already
            said = str(error.get("ctx", {}).get("error", error["msg"]))
            return f"{lab}: {said}" if not name else f"{lab}: {name}={came}: {said}"
    return f"{lab}: {came} in {name} {needed(error)}" if inside else f"{lab}: {name}={came} {needed(error)}"


def needed(error: Mapping[str, Any]) -> str:
    """What a value must be, by one of pydantic's findings: "must be a whole number"."""
    about = error.get("ctx", {})
    match error["type"]:
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return "must be a whole number"
        case "float_parsing" | "float_type":
            return "must be a number"
        case "finite_number":
            return "must be a finite number"
        case "bool_parsing" | "bool_type":
            return "must be true or false"
        case "literal_error" | "enum":
            return f"must be one of {about.get('expected', '')}".replace("'", "")
        case "greater_than_equal":
            return f"must be at least {_plain(about['ge'])}"
        case "greater_than":
            return f"must be above {_plain(about['gt'])}"
        case "less_than_equal":
            return f"must be at most {_plain(about['le'])}"
        case "less_than":
            return f"must be below {_plain(about['lt'])}"
    said = str(error["msg"]).replace("Input should be", "must be").partition(",")[0]
    return said[0].lower() + said[1:]


def _plain(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"
