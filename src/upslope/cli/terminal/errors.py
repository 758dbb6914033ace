"""Errors as sentences: the one place where an exception becomes a line on stderr and an exit code.

The library's exceptions already carry their sentence; this table says which exit code each deserves. Classes are named
by dotted path, so that nothing is imported only to be able to explain it.
"""

import errno
import sys
from typing import Any

import typer

from upslope.cli.terminal.exits import Exit
from upslope.cli.terminal.options import asked
from upslope.spelling import did_you_mean


class UsageError(Exception):
    """The words typed make no sense; the message says what to type instead."""


class Missing(Exception):
    """Something that this machine lacks; the message says how to get it."""


class OutputClosed(Exception):
    """The reader of our output closed the pipe."""


_CODES = {
    "upslope.cli.terminal.errors.UsageError": Exit.USAGE,
    "upslope.cli.terminal.errors.Missing": Exit.MISSING,
    "upslope.cli.tour.tour.Untrue": Exit.NOT,
    "upslope.cli.training.lab_overlay.AnswerFailed": Exit.NOT,
    "upslope.academy.reports.BadReport": Exit.USAGE,
    "upslope.academy.deployment.NotServing": Exit.NOT,
    "upslope.academy.answers.NotAnExercise": Exit.USAGE,
    "upslope.academy.answers.NoAnswer": Exit.MISSING,
    "upslope.academy.lab_parts.BadAnswers": Exit.MISSING,
    "upslope.academy.guide.BadGuide": Exit.NOT,
    "upslope.academy.guide.UnknownItem": Exit.USAGE,
    "upslope.academy.lessons.UnknownStep": Exit.USAGE,
    "upslope.academy.roadmap.BadLesson": Exit.NOT,
    "upslope.academy.reference.UnknownExercise": Exit.USAGE,
    "upslope.academy.checklist.BadChecks": Exit.NOT,
    "upslope.academy.progress.BadProgress": Exit.MISSING,
    "upslope.academy.grading.host.child_process.GradingFailed": Exit.FAULT,
    "upslope.models.build.UnknownModel": Exit.USAGE,
    "upslope.image.keypoints.OpenCVMissing": Exit.MISSING,
    "upslope.runs.errors.ConfigProblem": Exit.USAGE,
    "upslope.runs.errors.RunProblem": Exit.USAGE,
    "upslope.runs.errors.DiskProblem": Exit.MISSING,
    "upslope.runs.errors.DataProblem": Exit.MISSING,
    "upslope.runs.errors.Problem": Exit.NOT,
}

# Modules that only an extra brings, and the extra's name.
_EXTRAS = {
    **dict.fromkeys(("torch", "lightning", "einops", "jaxtyping"), "torch"),
    **dict.fromkeys(("onnx", "onnxruntime", "onnxscript"), "ship"),
    **dict.fromkeys(("mlflow", "sqlalchemy", "alembic"), "track"),
    "keras": "keras",
    "gymnasium": "play",
    **dict.fromkeys(("gguf", "regex"), "language"),
    "tensorflow": "tensorflow",
}


def explain(error: BaseException) -> int:
    """Say on stderr what went wrong, as --debug and --json demand, and return the exit code."""
    code, sentence = judge(error)
    if asked.debug and code not in {Exit.INTERRUPTED, Exit.UNREAD}:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    if code == Exit.UNREAD:
        return code
    if asked.json:
        import json

        print(json.dumps({"error": sentence, "exit": int(code)}))
    if code != Exit.INTERRUPTED:  # who types Ctrl-C knows; what a verb had to say about it, it has said
        print(f"  {sentence}", file=sys.stderr)
    return code


def judge(error: BaseException) -> tuple[Exit, str]:
    """The exit code and the sentence for an error."""
    for kind in type(error).__mro__:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name in _CODES:
            return _CODES[name], _first_paragraph(str(error))
    match error:
        case KeyboardInterrupt() | typer.Abort():
            return Exit.INTERRUPTED, "interrupted"
        case OutputClosed() | BrokenPipeError():
            return Exit.UNREAD, ""
        case ModuleNotFoundError(name=str(name)) if name.split(".")[0] in _EXTRAS:
            extra = _EXTRAS[name.split(".")[0]]
            return Exit.MISSING, f"this needs {name}, which is not installed: pip install 'upslope[{extra}]'"
        case ModuleNotFoundError(name=str(name)) if not name.startswith("upslope"):
            return Exit.MISSING, f"this needs {name}, which is not installed: pip install --upgrade upslope brings it"
        case OSError():
            return Exit.MISSING, _refused(error)
        case MemoryError():
            return Exit.MISSING, "there was not enough memory for this; a smaller preset or batch needs less"
        case _ if hasattr(error, "format_message") and hasattr(error, "exit_code"):
            return Exit.USAGE, _usage(error)
    said = " ".join(str(error).split())
    return Exit.FAULT, f"a fault of Upslope itself, {type(error).__name__}: {said} (--debug shows where)"


def _first_paragraph(text: str) -> str:
    return " ".join(text.strip().split("\n\n")[0].split())


def _refused(error: OSError) -> str:
    """What the operating system refused, with the path it was about."""
    where = f"{error.filename}: " if error.filename else ""
    advice = {
        errno.ENOSPC: "; free some space and try again",
        errno.EROFS: "; UPSLOPE_HOME can name a folder that may be written",
        errno.EACCES: "; UPSLOPE_HOME can name a folder that may be written",
    }
    said = error.strerror or str(error) or type(error).__name__
    return f"{where}{said[0].lower()}{said[1:]}{advice.get(error.errno or 0, '')}"


def _usage(error: Any) -> str:
    """A mistake in options or arguments as one sentence that names the nearest option."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "upslope"
    option = getattr(error, "option_name", None)
    if option is not None and type(error).__name__ == "NoSuchOption":
        known = [name for param in context.command.params for name in param.opts] if context is not None else []
        return f"{command} has no option {option}{did_you_mean(option, known)} ({command} --help lists all)"
    if found := getattr(error.__cause__, "errors", None):  # typer asks pydantic whether a value will do
        from upslope.runs.config import needed

        (first, *_) = found()
        name = error.param.opts[0] if error.param.opts[0].startswith("-") else error.param.make_metavar(context)
        return f"{command}: {name} {needed(first)}, not {first.get('input')} ({command} --help)"
    said = " ".join(error.format_message().split()).rstrip(".")
    return f"{command}: {said[:1].lower()}{said[1:]} ({command} --help)"
