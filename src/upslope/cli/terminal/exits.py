"""Exit codes: what a script or a Makefile can rely on."""

from enum import IntEnum


class Exit(IntEnum):
    """What the process says when it ends."""

    DONE = 0  # done, passed, reached
    NOT = 1  # not passed, target not reached, problems found
    USAGE = 2  # the words typed make no sense together
    MISSING = 3  # something this machine lacks: a package, a data set, a file, room on the disk
    FAULT = 70  # a fault of Upslope itself
    INTERRUPTED = 130  # Ctrl-C
    UNREAD = 141  # whoever read the output went away, as in `upslope learn | head -1`


HELP = (
    "Exit codes: 0 done, passed or reached; 1 not passed, not reached or problems found; 2 wrong usage; "
    "3 something missing on this machine; 70 a fault of Upslope; 130 interrupted."
)
