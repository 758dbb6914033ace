"""`upslope doctor`: what this machine has, what is missing, and what each missing part is needed for."""

from upslope.cli.terminal.console import Piece, Screen, can_say
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import AsJson, Debug


def doctor(as_json: AsJson = False, debug: Debug = False) -> int:
    """Show what this machine has, what it lacks and what to do about it."""
    from dataclasses import asdict

    from upslope.cli.machine.facts import examine

    screen = Screen()
    findings = list(examine())
    lacks = [finding for finding in findings if finding.state == "lack"]
    screen.give({"good": not lacks, "findings": [asdict(finding) for finding in findings]})
    if screen.quiet:
        return Exit.MISSING if lacks else Exit.DONE
    signs = {"good": "✓", "note": "·", "lack": "✗"} if can_say("✓·✗") else {"good": "+", "note": "-", "lack": "x"}
    styles = {"good": "green", "note": "dim", "lack": "bold red"}
    rows: list[list[Piece]] = []
    for finding in findings:
        said = finding.fact + (f"; {finding.advice}" if finding.advice else "")
        rows.append([(signs[finding.state], styles[finding.state]), (finding.about, "bold"), said])
    screen.table(("", "", ""), rows)
    screen.gap()
    screen.line("Something is missing." if lacks else "All that Upslope needs is here.")
    return Exit.MISSING if lacks else Exit.DONE
