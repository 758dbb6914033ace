"""Landlock: a process sandboxes itself, for good, without any privilege (Linux 5.13 and later).

Three system calls: make a ruleset that says which rights are governed, add the folders and files that keep some of
them, restrict yourself. What is not added is refused by the kernel from then on, for this thread and for every thread
and process that it starts later. The kernel's ABI number says which rights it knows; rights that it does not know are
left out, so the same code runs on old and new kernels. See https://docs.kernel.org/userspace-api/landlock.html.

What Landlock does not govern, as of ABI 7: looking at names and sizes (stat), changing modes, owners and times, UDP,
and starting processes. The audit hook and the system call filter (seccomp.py) cover those.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass

# The same numbers on every architecture: these calls are younger than the unified table.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1 << 0
_PATH_BENEATH = 1
_SET_NO_NEW_PRIVS = 38

# Rights over files, by the ABI in which the kernel learned them.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_FILES_BY_ABI = {1: (1 << 13) - 1, 2: 1 << 13, 3: _TRUNCATE, 5: _IOCTL_DEV}
_TCP_BIND_AND_CONNECT = 0b11  # ABI 4
_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11  # ABI 6

_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV  # the rights that a rule for a file may give


@dataclass(frozen=True)
class Rules:
    """What a sandboxed process may still do with files."""

    write: tuple[str, ...] = ()  # everything below, executing left out
    read: tuple[str, ...] = ()  # files and folders, with all that lies below
    names: tuple[str, ...] = ()  # folders whose entries may be listed, not read


class LandlockError(OSError):
    """The kernel has Landlock and refused to restrict this process."""


def abi() -> int:
    """The version of Landlock that this kernel speaks; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    version = _syscall()(_CREATE_RULESET, None, 0, _ASK_VERSION)
    return max(int(version), 0)


def shut_in(rules: Rules) -> int:
    """Restrict this thread, and all that it starts from now on, to `rules`; there is no way back.

    Returns the ABI in force, or 0 where the kernel has no Landlock (then nothing is restricted). Paths that do not
    exist are left out: what is not there needs no rule.
    """
    version = abi()
    if version == 0:
        return 0
    syscall = _syscall()
    files = sum(bits for since, bits in _FILES_BY_ABI.items() if since <= version)
    attributes = struct.pack(
        "=QQQ",
        files,
        _TCP_BIND_AND_CONNECT if version >= 4 else 0,
        _ABSTRACT_SOCKETS_AND_SIGNALS if version >= 6 else 0,
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = syscall(_CREATE_RULESET, attributes, size, 0)
    if ruleset < 0:
        raise _failed("making the ruleset")
    try:
        _add(syscall, ruleset, rules.read, _READ_FILE | _READ_DIR)
        _add(syscall, ruleset, rules.names, _READ_DIR)
        _add(syscall, ruleset, rules.write, files & ~_EXECUTE)
        if ctypes.CDLL(None, use_errno=True).prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise _failed("giving up new privileges")
        if syscall(_RESTRICT_SELF, ruleset, 0) != 0:
            raise _failed("restricting the process")
    finally:
        os.close(ruleset)
    return version


def _add(syscall: "ctypes._NamedFuncPointer", ruleset: int, paths: Iterable[str], rights: int) -> None:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            folder = os.path.isdir(path)
            allowed = rights if folder else rights & _OF_A_FILE
            # struct landlock_path_beneath_attr is packed: 64 bits of rights, 32 bits of file descriptor.
            rule = struct.pack("=Qi", allowed, descriptor)
            if allowed and syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0) != 0:
                raise _failed(f"adding a rule for {path}")
        finally:
            os.close(descriptor)


def _syscall() -> "ctypes._NamedFuncPointer":
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    return call


def _failed(what: str) -> LandlockError:
    number = ctypes.get_errno()
    return LandlockError(number, f"Landlock: {what} failed: {os.strerror(number)}")
