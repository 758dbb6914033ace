"""The list of verbs: in sections under --help, and with the nearest name when one is misspelt."""

from typing import Any

from typer.core import TyperGroup

from upslope.cli.terminal.errors import UsageError
from upslope.spelling import did_you_mean


class Verbs(TyperGroup):
    """A group of verbs. A verb's `rich_help_panel` is the title of its section."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the verb, or say which one is nearest."""
        word = args[0]
        if self.get_command(ctx, word) is None and not word.startswith("-") and not ctx.resilient_parsing:
            near = did_you_mean(word, self.list_commands(ctx)) or (_meant(word) if ctx.parent is None else "")
            raise UsageError(f'{ctx.command_path} has no verb "{word}"{near} ({ctx.command_path} --help lists all)')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The verbs by section, in the order in which they were added."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            verb: Any = self.get_command(ctx, name)
            if not verb.hidden:
                panel = verb.rich_help_panel if isinstance(verb.rich_help_panel, str) else "Verbs"
                sections.setdefault(panel, []).append((name, verb.get_short_help_str(formatter.width - 16)))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def _meant(word: str) -> str:
    """`upslope softmax`: the name of a step or a lab where a verb belongs."""
    from upslope.cli.terminal.completion import lab_names, step_names

    if word in lab_names(word):
        return f"; did you mean upslope lab {word}?"
    return f"; did you mean upslope learn {word}?" if word in step_names(word) else ""
