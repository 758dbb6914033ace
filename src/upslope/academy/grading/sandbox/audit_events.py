"""What an answer may not do: the audit events of Python that announce it, and the sentence for each.

https://docs.python.org/3/library/audit_events.html lists the events. Some operations raise no event; the calls behind
them are removed.
"""

import os

# Refused in every case; the text completes "the answer tried to ...".
_PROGRAM, _PROCESS, _LIMITS = "start another program", "start another process", "change its limits"
NEVER = {
    "os.system": _PROGRAM,
    "os.exec": _PROGRAM,
    "os.posix_spawn": _PROGRAM,
    "os.spawn": _PROGRAM,
    "pty.spawn": _PROGRAM,
    "subprocess.Popen": _PROGRAM,
    "webbrowser.open": "start a browser",
    "os.fork": _PROCESS,
    "os.forkpty": _PROCESS,
    "os.kill": "send a signal to a process",
    "os.killpg": "send a signal to a process",
    "signal.pthread_kill": "send a signal to a thread",
    "resource.setrlimit": _LIMITS,
    "resource.prlimit": _LIMITS,
    "os.unshare": "leave its sandbox",
    "os.setns": "leave its sandbox",
    "os.chdir": "change the current folder",
    "sys.addaudithook": "watch the grader",
    "sys.remote_exec": "run code in another process",
    "sqlite3.enable_load_extension": "load machine code",
    "sqlite3.load_extension": "load machine code",
    "builtins.input": "read from the keyboard with input",
    "builtins.breakpoint": "stop in the debugger with breakpoint",
}
# Refused when it is the answer that asks: looking into, or changing, the program around it.
LOOK = "look at the program that grades it"
REFLECTION = {
    "sys._getframe": LOOK,
    "sys._current_frames": LOOK,
    "sys._current_exceptions": LOOK,
    "gc.get_objects": LOOK,
    "gc.get_referrers": LOOK,
    "gc.get_referents": LOOK,
    "sys.settrace": "trace the program that grades it",
    "sys.setprofile": "trace the program that grades it",
    "sys.monitoring.register_callback": "trace the program that grades it",
    "exec": "run code from a string with exec or eval",
    "compile": "run code from a string with compile, exec or eval",
    "code.__new__": "build code by hand",
    "function.__new__": "build a function from a code object",
}
FAMILIES = {"socket": "open a network connection", "ctypes": "run machine code with ctypes"}
IMPORTING = "<frozen importlib"
FRAMES = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame"})
PARTS_OF_FUNCTIONS = frozenset({"__code__", "__defaults__", "__kwdefaults__", "__bases__", "__class__"})
CHANGES = {  # event: how many of its first arguments are paths, and the verb
    "os.remove": (1, "remove"),
    "os.rmdir": (1, "remove"),
    "os.mkdir": (1, "make"),
    "os.rename": (2, "rename"),
    "os.link": (2, "link to"),
    "os.symlink": (2, "link to"),
    "os.truncate": (1, "change"),
    "os.chmod": (1, "change"),
    "os.chown": (1, "change"),
    "os.chflags": (1, "change"),
    "os.utime": (1, "change"),
    "os.setxattr": (1, "change"),
    "os.removexattr": (1, "change"),
    "sqlite3.connect": (1, "write"),
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Loading these anew would bring back calls that are closed here; calls that raise no event of their own.
MODULES_TAKEN_AWAY = frozenset({"posix", "_posixsubprocess", "_ctypes", "ctypes", "_signal", "_dbm", "_gdbm"})
CALLS_TAKEN_AWAY = {
    "mkfifo": "make a pipe in the file system",
    "mknod": "make a device",
    "chroot": "leave its sandbox",
    "setsid": "leave its process group",
    "setpgid": "leave its process group",
    "setpgrp": "leave its process group",
    "pidfd_open": "reach another process",
    "pidfd_send_signal": "send a signal to a process",
    "_fork_exec": _PROGRAM,
    "fork_exec": _PROGRAM,
}
