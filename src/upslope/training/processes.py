"""Starting the other processes of a run that trains on several devices, with the same command as the first one.

On one machine the first process starts the others. On a cluster its own launcher (torchrun, SLURM) starts all of them,
and says in the environment which is which; then nothing is started here.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from upslope.runs.errors import ConfigProblem
from upslope.runs.run import Run
from upslope.runs.worker_rank import launched
from upslope.training.config import TrainingConfig


def cluster() -> list[ClusterEnvironment]:
    """Where the processes learn who they are: the variables of torchrun, unless Lightning knows the cluster itself."""
    return [TorchElasticEnvironment()] if "RANK" in os.environ else []


@contextmanager
def followers(run: Run[Any]) -> Iterator[None]:
    """While this block runs, the other processes of the run are alive, if it is this process that starts them."""
    config: TrainingConfig = run.config
    if config.processes == 1 or launched():
        yield
        return
    if config.nodes > 1:
        raise ConfigProblem(
            f"nodes={config.nodes} needs a launcher on each machine, torchrun or srun, that says which process is which"
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(config.devices)}
    others = [_start(run, {**shared, "RANK": str(n), "LOCAL_RANK": str(n)}) for n in range(1, config.devices)]
    for other in others:
        threading.Thread(target=_watch, args=(other,), daemon=True).start()
    mine = {**shared, "RANK": "0", "LOCAL_RANK": "0"}
    os.environ.update(mine)
    try:
        yield
        for other in others:
            other.wait(timeout=60)
    finally:
        for name in mine:
            os.environ.pop(name, None)
        for other in others:
            other.kill()
            other.wait()


def _start(run: Run[Any], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "upslope", "lab", *run.command()],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def _watch(other: "subprocess.Popen[bytes]") -> None:
    """Should a process fail, the others would wait for it: end this one too; its checkpoint stays."""
    if other.wait() > 0:
        print("  another process of this run has failed: the run stops at its last checkpoint", file=sys.stderr)
        os._exit(1)
