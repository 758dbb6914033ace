"""`upslope lab` without a name, and `upslope lab NAME --help`: which labs there are, and what each can be told."""

from typing import TYPE_CHECKING, cast

from upslope.cli.terminal.console import Piece, Screen
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import seconds

if TYPE_CHECKING:
    from upslope.cards import Found, LabCard
    from upslope.runs.config import Setting


def labs() -> int:
    """All labs: time, target, whose parts, reached or proven."""
    from upslope.academy.evidence import read_evidence
    from upslope.cards import LabCard, discover
    from upslope.cli.learning.dashboard import lab_parts
    from upslope.runs.workspace import progress_file

    screen = Screen()
    evidence = read_evidence(progress_file())
    parts = lab_parts(evidence)
    cards = {name: cast(LabCard, found.card) for name, found in discover("labs").items()}
    screen.give(
        {
            "labs": [
                {
                    "name": name,
                    "title": card.title,
                    "claim": card.claim,
                    "domain": card.domain,
                    "seconds": card.seconds,
                    "presets": list(card.presets),
                    "data": list(card.data),
                    "targets": _targets(card),
                    "yours": parts.get(name, (0, 0))[0],
                    "parts": parts.get(name, (0, 0))[1],
                    "reached": name in evidence.reached,
                    "proven": name in evidence.proven,
                }
                for name, card in cards.items()
            ]
        }
    )
    if screen.quiet:
        return Exit.DONE
    rows: list[list[Piece]] = []
    for name, card in cards.items():
        yours, of = parts.get(name, (0, 0))
        took = seconds(card.seconds["laptop"]) if "laptop" in card.seconds else ""
        state: Piece = "reached" if name in evidence.reached else ""
        state = ("proven", "green") if name in evidence.proven else state
        rows.append([(name, "bold"), card.title, took, f"{yours} of {of}" if of else "", state])
    screen.table(("lab", "", "time", "yours", ""), rows, right=(2,))
    screen.gap()
    screen.commands(
        [
            ("upslope lab NAME --help", "its claim and its settings"),
            ("upslope lab NAME --mine", "with your accepted answers inside"),
        ]
    )
    return Exit.DONE


def settings(found: "Found") -> int:
    """What a lab claims, and its settings."""
    from upslope.runs.config import settings_of

    screen = Screen()
    card = cast("LabCard", found.card)
    listed = settings_of(found.load().Config, card=card)
    screen.give(
        {
            "name": card.name,
            "title": card.title,
            "claim": card.claim,
            "paper": card.paper,
            "seconds": card.seconds,
            "presets": card.presets,
            "targets": _targets(card),
            "settings": [
                {"name": s.name, "kind": s.kind, "default": _plain(s.default), "presets": s.presets, "help": s.help}
                for s in listed
            ],
        }
    )
    if screen.quiet:
        return Exit.DONE
    screen.line(f"upslope lab {card.name} [key=value]... [--preset {'|'.join(card.presets)}] [--mine]")
    screen.gap()
    screen.line((card.title, "bold"))
    screen.prose(card.claim)
    screen.prose(card.paper, style="dim")
    screen.gap()
    for target in _targets(card):
        when = cast("dict[str, object]", target["when"])
        under = f"   ({' '.join(f'{k}={v}' for k, v in when.items())})" if when else ""
        screen.prose(f"Target  {_bound(target, card)}{under}")
    screen.line("Time    ", ", ".join(f"{preset} {seconds(took)}" for preset, took in card.seconds.items()))
    screen.gap()
    screen.pairs([(f"{s.name}={_short(s.default)}", _explained(s)) for s in listed])
    return Exit.DONE


def _explained(setting: "Setting") -> str:
    """What a setting means, what it can be, and where presets differ."""
    choices = f": {setting.kind}" if "|" in setting.kind else ""
    presets = ", ".join(f"{preset} {_short(value)}" for preset, value in setting.presets.items())
    return f"{setting.help}{choices}{f' ({presets})' if presets else ''}"


def _targets(card: "LabCard") -> list[dict[str, object]]:
    return [
        {"metric": e.metric, "at_least": e.at_least, "at_most": e.at_most, "when": e.when, "broken": e.ablations}
        for e in card.expect
    ]


def _bound(target: dict[str, object], card: "LabCard") -> str:
    from upslope.runs.result import format_value, metric_label

    metric = str(target["metric"])
    signs = ((">=", target["at_least"]), ("<=", target["at_most"]))
    bounds = [
        f"{sign} {format_value(float(str(value)), card.unit(metric))}" for sign, value in signs if value is not None
    ]
    return f"{metric_label(metric)} {' and '.join(bounds)}"


def _short(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
