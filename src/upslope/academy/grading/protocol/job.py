"""One job for a grading child: which package to load, which checks to run, what it may touch.

Plain data, sent as JSON over the control socket between parent and child, together with the descriptors on which the
child shall report. The learner's code never sees that socket: it is closed before the code is loaded.
"""

import json
import socket
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from upslope.academy.grading.host.limits import Limits

# How a child ends when it has reported all, and when it can no longer report.
DONE, CUT_OFF = 64, 70


@dataclass(frozen=True)
class Job:
    """What the child is told. The secret for its signatures is sent separately and not stored."""

    root: str  # the overlay: goes first on the path
    work: str  # the child's own folder: home, current folder, the only place where it may write
    module: str  # the checks, upslope.checks.scratch.ops.test_activations
    checks: tuple[str, ...]  # names of check functions, in order
    seed: int
    learner: tuple[str, ...] = ()  # the file names under which the learner's code is compiled
    asked: tuple[str, ...] = ()  # the names that those files were asked to define
    made: tuple[str, ...] = ()  # all names that those files define, with the module in which they end
    rounds: int = 1  # how often all checks run, with the seed, the next one, and so on
    gather: bool = False  # note all comparisons that do not hold, not the first alone; no verdict comes of it
    trusted: bool = False  # the code is the library's own: no sandbox, only time limits
    landlock: bool = True  # with the kernel's layers (Landlock and the system call filter), where there are any
    opened: tuple[str, ...] = ()  # real files that the overlay links to
    readable: tuple[str, ...] = ()  # interpreter, libraries
    names: tuple[str, ...] = ()  # folders that may be listed
    closed: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Job":
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        plain["limits"] = Limits(**data["limits"])
        return Job(**plain)


_HEAD = struct.Struct(">I")


def send(control: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Write one message, and hand open descriptors over with it."""
    content = json.dumps(message).encode()
    if descriptors:
        socket.send_fds(control, [_HEAD.pack(len(content))], list(descriptors))
    else:
        control.sendall(_HEAD.pack(len(content)))
    control.sendall(content)


def receive(control: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """Read one message and the descriptors that came with it; None when the other side is gone."""
    try:
        head, descriptors, _, _ = socket.recv_fds(control, _HEAD.size, 8)
    except ConnectionResetError:
        return None, []
    if len(head) < _HEAD.size:
        return None, descriptors
    (left,) = _HEAD.unpack(head)
    pieces = []
    while left:
        piece = control.recv(left)
        if not piece:
            return None, descriptors
        pieces.append(piece)
        left -= len(piece)
    message: dict[str, Any] = json.loads(b"".join(pieces))
    return message, descriptors
