"""What went wrong in one sentence, for the person who can put it right.

Every failure that is not a fault of this program (a misspelt setting, a full disk, a damaged file, no network) is
raised as a `Problem`. Its text is the whole message: what came, and what to do. The command line prints that text.
"""


class Problem(Exception):
    """A failure a person can put right; `str(problem)` is one sentence."""


class ConfigProblem(Problem):
    """A setting that does not exist, has the wrong type, or contradicts another one."""


class RunProblem(Problem):
    """A folder that is not a run, is damaged, or is being written by another process."""


class ProcessLost(Problem):
    """One of several processes ended before the training did; the run goes on from its checkpoint."""


class Diverged(Problem):
    """A loss that is no number any more; the run goes on from its last checkpoint, or is begun anew with others."""


class DiskProblem(Problem):
    """The disk is full, or a folder cannot be written."""


class DataProblem(Problem):
    """A data set that cannot be fetched, has the wrong hash, or cannot be read."""
