"""`upslope chat`: talk to a language model on this computer; from a pipe it answers once and ends."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from upslope.cli.terminal.completion import chat_names
from upslope.cli.terminal.console import Screen, clean
from upslope.cli.terminal.errors import OutputClosed, UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import plural
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.ship.language.conversation import Conversation
    from upslope.ship.language.language_model import LanguageModel
    from upslope.ship.language.settings import GenerationSettings

MOST = 10_000_000  # bytes of standard input: more than any model reads
COMMANDS = (
    ("/reset", "begin anew; the system message stays"),
    ("/system TEXT", "tell the model who it is; without TEXT: nothing more"),
    ("/save FILE", "write the conversation into a file"),
    ("/load FILE", "go on with the one in a file"),
    ("/help", "this list"),
    ("/quit", "end; so does Ctrl-D"),
)


def chat(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]",
            help="A published model, a run of gpt, or a GGUF file.  [default: smollm2-135m-instruct]",
            autocompletion=chat_names,
        ),
    ] = None,
    system: Annotated[str, typer.Option("--system", metavar="TEXT", help="Who the model is to be.")] = "",
    temperature: Annotated[
        float | None, typer.Option("--temperature", metavar="T", help="0: the likeliest; above: more varied.")
    ] = None,
    top_p: Annotated[
        float | None, typer.Option("--top-p", metavar="P", help="Only the likeliest tokens, P of the probability.")
    ] = None,
    top_k: Annotated[int | None, typer.Option("--top-k", metavar="K", help="Only the K likeliest tokens.")] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", metavar="N", help="How long an answer may be.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Where chance begins.")] = 0,
    int8: Annotated[bool, typer.Option("--int8", help="Weights of eight bits: faster, a little less exact.")] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Talk to a language model on this computer."""
    from upslope.ship.language.conversation import Conversation
    from upslope.ship.language.loading import DEFAULT, load

    screen = Screen()
    given = {"temperature": temperature, "top_p": top_p, "top_k": top_k, "max_tokens": max_tokens, "seed": seed}
    _settings(given, {})  # refuse them before a model is loaded
    interactive = sys.stdin is not None and sys.stdin.isatty() and not screen.quiet
    words = "" if interactive else _standard_input(name or "")
    model = load(name or DEFAULT, int8=int8, quiet=screen.quiet or not interactive)
    settings = _settings(given, {"temperature": model.defaults.temperature, "top_p": model.defaults.top_p})
    session = Session(screen, Conversation(model), settings)
    if system:
        session.system(system)
    if not interactive:
        return session.once(words)
    screen.line((model.name, "bold"), f"  {model.about}.")
    screen.prose(f"It reads up to {model.context:,} tokens. /help lists the commands, Ctrl-D ends.", style="dim")
    return session.talk()


class Session:
    """One conversation at a terminal or from a pipe."""

    def __init__(self, screen: Screen, conversation: "Conversation", settings: "GenerationSettings") -> None:
        self.screen, self.conversation, self.settings = screen, conversation, settings
        self.turn = 0

    @property
    def model(self) -> "LanguageModel":
        """Who answers."""
        return self.conversation.model

    def talk(self) -> int:
        """Messages and commands from the keyboard, until Ctrl-D or /quit."""
        from contextlib import suppress

        from upslope.cli.terminal.errors import judge

        with suppress(ImportError):
            import readline  # noqa: F401 - gives `input` its editing and its history
        while True:
            try:
                self.screen.gap()
                words = input("> ").strip()
            except (EOFError, KeyboardInterrupt):
                print()
                return Exit.DONE
            if words == "/quit":
                return Exit.DONE
            try:
                if words.startswith("/"):
                    self.command(words)
                elif words:
                    self.answer(words)
            except KeyboardInterrupt:  # ends this answer, not the conversation
                print()
            except Exception as error:
                code, sentence = judge(error)
                if code == Exit.FAULT:
                    raise
                typer.echo(f"  {clean(sentence)}", err=True)

    def once(self, words: str) -> int:
        """Commands at the beginning of a text, and the answer to the rest of it."""
        lines = words.split("\n")
        while lines and (lines[0].startswith("/") or not lines[0].strip()):
            words = lines.pop(0).strip()
            if words == "/quit":
                return Exit.DONE
            if words:
                self.command(words)
        text = "\n".join(lines).strip("\n")
        reply = self.answer(text) if text else ""
        talk = self.conversation
        self.screen.give(
            {
                "model": self.model.name,
                "about": self.model.about,
                "reply": reply,
                "finish": talk.finish or None,
                "prompt_tokens": talk.prompt_tokens,
                "completion_tokens": talk.completion_tokens,
                "dropped_turns": talk.dropped,
                "seed": self.settings.seed,
                "messages": talk.messages,
            }
        )
        return Exit.DONE

    def command(self, words: str) -> None:
        """One that begins with a slash."""
        from upslope.spelling import did_you_mean

        verb, _, rest = words.partition(" ")
        rest = rest.strip()
        match verb:
            case "/help":
                self.screen.commands(COMMANDS)
            case "/reset":
                self.conversation.reset()
                self.screen.line(("The conversation begins anew.", "dim"))
            case "/system":
                self.system(rest)
            case "/save" | "/load" if not rest:
                raise UsageError(f"{verb} needs the name of a file: {verb} talk.json")
            case "/save":
                self.conversation.save(Path(rest).expanduser())
                self.screen.line((f"Saved {plural(len(self.conversation.messages), 'message')}  ", "dim"), rest)
            case "/load":
                self.conversation.load(Path(rest).expanduser())
                count = plural(len(self.conversation.messages), "message")
                self.screen.line((f"Loaded {count}  ", "dim"), rest)
            case _:
                names = [known.split()[0] for known, _ in COMMANDS]
                raise UsageError(f"there is no command {verb}{did_you_mean(verb, names)} (/help lists them)")

    def system(self, text: str) -> None:
        """Set the system message; a model without a chat template has none."""
        if self.model.template is None:
            raise UsageError(f"{self.model.name} continues texts: it was not taught to follow a system message")
        self.conversation.system = text
        self.screen.line(("The system message is set." if text else "There is no system message.", "dim"))

    def answer(self, text: str) -> str:
        """Show an answer as it comes; gives it whole."""
        from upslope.ship.language.conversation import with_seed

        pieces = self.conversation.say(text, with_seed(self.settings, self.turn))
        self.turn += 1
        dropped = self.conversation.dropped
        if dropped:
            said = f"The oldest {plural(dropped, 'turn')} no longer fit into {self.model.context:,} tokens: left out."
            self.screen.prose(said, style="yellow")
        shown = []
        self._write("" if self.screen.quiet else "  ")
        for piece in pieces:
            shown.append(piece.text)
            self._write(clean(piece.text).replace("\n", "\n  "))
        self._write("\n")
        if self.conversation.finish == "length" and self.model.template is not None:
            cut = f"The answer was cut off after {plural(self.conversation.completion_tokens, 'token')} (--max-tokens)."
            self.screen.prose(cut, style="dim")
        return "".join(shown)

    def _write(self, text: str) -> None:
        if text and not self.screen.quiet:
            try:
                sys.stdout.write(text)
                sys.stdout.flush()
            except BrokenPipeError:
                raise OutputClosed from None


def _settings(given: dict[str, float | int | None], instead: dict[str, float]) -> "GenerationSettings":
    """The settings with what was typed; `instead` are the defaults of a model that does not converse."""
    from upslope.ship.language.settings import GenerationSettings

    chosen = {**instead, **{name: value for name, value in given.items() if value is not None}}
    try:
        return GenerationSettings(**chosen)  # type: ignore[arg-type]
    except ValueError as error:
        name, _, rest = str(error).partition(" ")
        raise UsageError(f"--{name.replace('_', '-')} {rest}") from None


def _standard_input(name: str) -> str:
    """All of it. UsageError where there is none, or no text."""
    stream = getattr(sys.stdin, "buffer", None)
    content = stream.read(MOST + 1) if stream is not None else (sys.stdin.read() if sys.stdin else "").encode()
    if len(content) > MOST:
        raise UsageError(f"standard input holds more than {MOST:,} bytes: no model reads that much")
    try:
        text: str = content.decode()
    except UnicodeDecodeError:
        raise UsageError("standard input is not UTF-8 text") from None
    if not text.strip():
        words = " ".join(["upslope chat", name]).strip()
        raise UsageError(f'nothing came on standard input: echo "What is the capital of France?" | {words}')
    return text
