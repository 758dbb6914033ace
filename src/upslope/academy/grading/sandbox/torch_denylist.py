"""What an answer may not use of PyTorch: access to files and processes, and process-wide switches.

PyTorch can read files, load pickles, compile, start processes and redirect its own operations. The source check refuses
these names in an answer's text; the audit hook disables the calls behind them before the answer runs.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# What the source check refuses, with all that lies below. A name below torch that begins with _ is refused as well.
_DOORS = _words("""
    torch.load torch.save torch.from_file torch.hub torch.jit torch.ops torch.classes torch.library torch.compile
    torch.compiler torch.package torch.export torch.onnx torch.fx torch.overrides torch.multiprocessing
    torch.distributed torch.profiler torch.monitor torch.serialization torch.storage torch.UntypedStorage
    torch.TypedStorage torch.DisableTorchFunction torch.import_ir_module torch.autograd.profiler
    torch.utils.cpp_extension torch.utils.dlpack torch.utils.collect_env torch.nn.modules.module
""")
_SWITCHES = _words("""
    torch.manual_seed torch.seed torch.set_rng_state torch.random.manual_seed torch.random.seed
    torch.random.set_rng_state torch.default_generator torch.set_default_dtype torch.set_default_device
    torch.set_default_tensor_type torch.set_num_threads torch.set_num_interop_threads torch.set_flush_denormal
    torch.use_deterministic_algorithms torch.set_deterministic_debug_mode torch.set_float32_matmul_precision
    torch.autograd.set_detect_anomaly torch.set_warn_always torch.backends
""")

_PICKLE, _WRITE, _FILE = "open a pickle with PyTorch", "write a file with PyTorch", "open a file with PyTorch"
_COMPILE, _FETCH, _PROCESS = "compile code with PyTorch", "fetch code with torch.hub", "start another process"
# Where a call stands that is not an answer's to make, and the words that complete "the answer tried to ...".
_CLOSED = {
    "torch.load": _PICKLE,
    "torch.serialization.load": _PICKLE,
    "torch.jit.load": _PICKLE,
    "torch.jit._serialization.load": _PICKLE,
    "torch.save": _WRITE,
    "torch.serialization.save": _WRITE,
    "torch.jit.save": _WRITE,
    "torch.jit._serialization.save": _WRITE,
    "torch._C.PyTorchFileWriter": _WRITE,
    "torch._C.PyTorchFileReader": _FILE,
    "torch.from_file": _FILE,
    "torch.compile": _COMPILE,
    "torch.jit.script": _COMPILE,
    "torch.jit.trace": _COMPILE,
    "torch.jit._script.script": _COMPILE,
    "torch.jit._trace.trace": _COMPILE,
    "torch.hub.load": _FETCH,
    "torch.hub.list": _FETCH,
    "torch.hub.help": _FETCH,
    "torch.hub.load_state_dict_from_url": _FETCH,
    "torch.hub.download_url_to_file": _FETCH,
    "torch.multiprocessing.spawn": _PROCESS,
    "torch.multiprocessing.spawn.spawn": _PROCESS,
    "torch.multiprocessing.spawn.start_processes": _PROCESS,
    "torch._C.import_ir_module": "load machine code",
    "torch._C._construct_storage_from_data_pointer": "read memory by its address",
}
# What modules of PyTorch do at their first use; whoever else makes an object of that class replaces what it computes.
LIBRARY = "Library"
_REGISTERS = {"torch._C._dispatch_library": "replace an operation of PyTorch"}
# What PyTorch calls on an answer's behalf, but not with something that the answer made.
_MODE = "change how PyTorch computes"
_OURS_ONLY = {
    "torch._C._push_on_torch_function_stack": _MODE,
    "torch.overrides._push_on_torch_function_stack": _MODE,
    "torch._C._push_on_torch_dispatch_stack": _MODE,
    "torch.utils._python_dispatch._push_on_torch_dispatch_stack": _MODE,
    "torch._C._dynamo.eval_frame.set_eval_frame": _MODE,
    "torch._dynamo.eval_frame.set_eval_frame": _MODE,
    "torch._dynamo.decorators.set_eval_frame": _MODE,
}

Call = Callable[..., Any]
# The events that guarded calls raise.
OUTSIDE, REGISTERS, OURS_ONLY = "upslope.outside", "upslope.registers", "upslope.ours_only"


def door(dotted: str) -> str | None:
    """The door of PyTorch that a full name leads through, else None."""
    parts = dotted.split(".")
    if parts[0] != "torch":
        return None
    for k, part in enumerate(parts):
        if part.startswith("_") and not part.endswith("__"):
            return ".".join(parts[: k + 1])
    return _first(dotted, _DOORS)


def switch(dotted: str) -> str | None:
    """The switch of PyTorch that a full name means, else None."""
    return _first(dotted, _SWITCHES)


def _first(dotted: str, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if dotted == name or dotted.startswith(name + ".")), None)


def close(guarded: Callable[[Call, str, str], Call]) -> Iterator[str]:
    """Put a guarded call in the place of each that leads outside; the names of the modules that were changed.

    `guarded(original, words, kind)` makes one; the kind says whom it refuses: OUTSIDE an answer, REGISTERS an answer
    that is not PyTorch's own doing, OURS_ONLY what an answer made.
    """
    for kind, table in ((OUTSIDE, _CLOSED), (REGISTERS, _REGISTERS), (OURS_ONLY, _OURS_ONLY)):
        for dotted, what in table.items():
            module, _, name = dotted.rpartition(".")
            names = vars(sys.modules[module]) if module in sys.modules else {}
            if name in names:
                names[name] = guarded(names[name], what, kind)
                yield module
