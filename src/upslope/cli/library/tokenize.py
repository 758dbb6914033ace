"""`upslope tokenize`: a text as the pieces that a language model reads, tokenizers side by side, and training one."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from upslope.cli.library.text_file import read_text
from upslope.cli.terminal.completion import tokenizer_names
from upslope.cli.terminal.console import Piece, Screen, can_say
from upslope.cli.terminal.errors import UsageError
from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.format import plural, seconds
from upslope.cli.terminal.options import AsJson, Debug

if TYPE_CHECKING:
    from upslope.text.token import Token, Tokenizer

SHOWN = 200  # tokens that are printed; with --json all are
SIZE = 1024
END = "<|endoftext|>"  # the one special token of a tokenizer that is trained here
_STYLES = ("black on bright_cyan", "black on bright_yellow", "black on bright_green", "black on bright_magenta")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def tokenize(
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="The text; in quotes if it has spaces.")] = None,
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="NAME",
            help="gpt2, bytes, one trained here, or a file; more than one compares.",
            autocompletion=tokenizer_names,
        ),
    ] = None,
    file: Annotated[Path | None, typer.Option("--file", metavar="FILE", help="Take the text of this file.")] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="TOKEN", help="A special token that the text may say; else it is plain text."),
    ] = None,
    train: Annotated[
        Path | None, typer.Option("--train", metavar="FILE", help="Train a byte-level BPE tokenizer on this file.")
    ] = None,
    size: Annotated[int, typer.Option("--size", metavar="N", help="How many tokens it is to have.")] = SIZE,
    out: Annotated[str | None, typer.Option("--out", metavar="NAME", help="What it is to be called.")] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Show a text as tokens: pieces, ids and counts of one tokenizer or of several; train one."""
    screen = Screen()
    if train is not None:
        if text is not None or file is not None or names:
            raise UsageError("--train learns from its file alone; tokenize a text afterwards, --with the new name")
        return _train(screen, train, size, out)
    if out is not None:
        raise UsageError("--out names a tokenizer that is trained: upslope tokenize --train FILE --out NAME")
    if text is not None and file is not None:
        raise UsageError(f"there is a text and a file, {file}: leave one out")
    if file is None and text is None:
        raise UsageError('there is no text: upslope tokenize "Hello there", or --file FILE')
    content = text if text is not None else read_text(file or Path())
    if not content:
        said = f"{file} is empty" if file is not None else "the text is empty"
        raise UsageError(f'{said}, and has no tokens: upslope tokenize "Hello there"')
    return _compare(screen, content, file, names or [], allow or [])


def _compare(screen: Screen, text: str, file: Path | None, names: list[str], allow: list[str]) -> int:
    from upslope.text import catalogue
    from upslope.text.token import require_text

    require_text(text)
    asked = list(dict.fromkeys(names)) or catalogue.names() or [catalogue.BYTES_ALONE]
    tokenizers = {name: catalogue.find(name) for name in asked}
    known = {token for tokenizer in tokenizers.values() for token in tokenizer.special}
    unknown = next((token for token in allow if token not in known), None)
    if unknown is not None:
        raise UsageError(
            f"--allow {unknown}: no special token of {', '.join(asked)} ({', '.join(sorted(known)) or 'none'})"
        )
    found = {
        name: tokenizer.tokens(text, allowed=[token for token in allow if token in tokenizer.special])
        for name, tokenizer in tokenizers.items()
    }
    counts = {"characters": len(text), "bytes": len(text.encode())}
    origin: dict[str, Any] = {"text": text} if file is None else {"file": str(file)}
    screen.give(origin | counts | {"tokenizers": [_facts(n, tokenizers[n], tokens) for n, tokens in found.items()]})
    if screen.quiet:
        return Exit.DONE
    screen.line(f"{counts['characters']:,} characters, {counts['bytes']:,} bytes")
    screen.gap()
    for name, tokens in found.items():
        screen.line((name, "bold"), f"  {plural(len(tokens), 'token')}")
        for line in _lines([tokenizers[name].shown(token.id) for token in tokens[:SHOWN]], screen.width - 4):
            screen.line(*line, indent=4)
        more = f" ... and {len(tokens) - SHOWN:,} more" if len(tokens) > SHOWN else ""
        screen.prose(" ".join(str(token.id) for token in tokens[:SHOWN]) + more, indent=4, style="dim")
        screen.gap()
    if len(found) > 1:
        rows = [
            (n, f"{len(tokenizers[n]):,}", f"{len(t):,}", f"{len(text) / max(len(t), 1):.2f}") for n, t in found.items()
        ]
        screen.table(("tokenizer", "vocabulary", "tokens", "characters a token"), rows, right=(1, 2, 3))
    elif not names:
        screen.command("upslope tokenize --train FILE --out NAME", "to train a tokenizer and see it beside others")
    return Exit.DONE


def _facts(name: str, tokenizer: "Tokenizer", tokens: "list[Token]") -> dict[str, Any]:
    return {
        "name": name,
        "vocabulary": len(tokenizer),
        "tokens": len(tokens),
        "ids": [token.id for token in tokens],
        "pieces": [tokenizer.shown(token.id) for token in tokens],
        "offsets": [[token.start, token.end] for token in tokens],
    }


def _lines(pieces: list[str], width: int) -> Iterator[list[Piece]]:
    """Pieces with lines between them, in colours that take turns, broken where the screen ends."""
    from rich.cells import cell_len

    bar = "│" if can_say("│") else "|"
    line: list[Piece] = []
    taken = 0
    for number, piece in enumerate(pieces):
        # Blanks and controls are shown by name, so that a line stays a line.
        said = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in piece)
        if line and taken + cell_len(said) + 1 > width:
            yield line
            line, taken = [], 0
        line += [(said, _STYLES[number % len(_STYLES)]), (bar, "dim")]
        taken += cell_len(said) + 1
    if line:
        yield line


def _train(screen: Screen, source: Path, size: int, out: str | None) -> int:
    import time

    from upslope.runs.files import make_folder
    from upslope.runs.workspace import short
    from upslope.text import catalogue
    from upslope.text.bpe_training import SMALLEST, train
    from upslope.text.tokenizer_file import write_tokenizer

    if out is None:
        raise UsageError(f"the tokenizer needs a name: upslope tokenize --train {source} --out NAME")
    if not _NAME.fullmatch(out):
        raise UsageError(f'"{out}" is no name for a tokenizer: letters, digits, ".", "_" and "-", at most 64')
    path = catalogue.folder() / f"{out}.json"
    if out in (catalogue.BYTES_ALONE, catalogue.GPT2) or path.exists():
        taken = f"{short(path)} exists" if path.exists() else "it comes with Upslope"
        raise UsageError(f'there is a tokenizer "{out}" already ({taken}): take another name')
    least = SMALLEST + 1
    if not least < size <= 1_000_000:
        raise UsageError(f"--size is more than {least} (256 bytes and {END}) and at most 1,000,000, not {size:,}")
    text = read_text(source)
    if not text:
        raise UsageError(f"{source} is empty, and there is nothing to learn from")
    begun = time.perf_counter()
    tokenizer = train([text], size=size, special=[END])
    took = time.perf_counter() - begun
    make_folder(path.parent)
    write_tokenizer(tokenizer, path)
    tokens = len(tokenizer.encode(text))
    screen.give(
        {
            "name": out,
            "file": str(path),
            "vocabulary": len(tokenizer),
            "merges": len(tokenizer.merges),
            "tokens": tokens,
        }
    )
    screen.line(
        (out, "bold"), f"  {len(tokenizer):,} tokens, {len(tokenizer.merges):,} of them merges, in {seconds(took)}"
    )
    if len(tokenizer) < size:
        screen.prose(f"No pair was left that occurs twice, so there are fewer than {size:,}.", style="yellow")
    screen.line(f"{len(text.encode()):,} bytes of {source} are {tokens:,} tokens of it")
    screen.line("Written  ", short(path))
    screen.command(f'upslope tokenize "Hello there" --with {out}')
    return Exit.DONE
