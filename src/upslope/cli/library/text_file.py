"""Text files that a person names, read whole or refused in one sentence."""

from pathlib import Path

from upslope.cli.terminal.errors import UsageError

_MOST_BYTES = 200_000_000


def read_text(path: Path) -> str:
    """The text of a file, or one sentence why it is none."""
    from upslope.runs.workspace import short
    from upslope.text.token import UnreadableText

    if path.is_dir():
        raise UsageError(f"{short(path)} is a folder, not a text")
    if not path.is_file():
        raise UsageError(f"{short(path)} is not there: no such file")
    if path.stat().st_size > _MOST_BYTES:
        megabytes = path.stat().st_size / 10**6
        raise UsageError(f"{short(path)} has {megabytes:,.0f} MB, more than {_MOST_BYTES // 10**6}: cut it into parts")
    content = path.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        byte = content[error.start]
        raise UnreadableText(f"{short(path)} is no text in UTF-8: byte {error.start:,} is 0x{byte:02X}") from None
    if "\0" in text:
        raise UnreadableText(f"{short(path)} is no text: byte {content.index(0):,} is 0")
    return text
