"""How a script that compares with torchvision is run: in a process of its own, where `make peers` has installed it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PEERS = Path(sys.prefix) / "peers"
needs_torchvision = pytest.mark.skipif(
    not (PEERS / "torchvision").is_dir(), reason="torchvision is the independent implementation: make peers installs it"
)


def said_by(script: str, *words: str) -> dict[str, Any]:
    """The last line of JSON that a script of this folder prints; its errors where it ends with one."""
    paths = [os.environ.get("PYTHONPATH", ""), str(PEERS)]
    done = subprocess.run(
        [sys.executable, "-P", str(Path(__file__).with_name(script)), *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return said
