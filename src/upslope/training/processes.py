"""Starting the other processes of a run that trains on several devices, with the same command as the first one.

On one machine the first process starts the others. On a cluster its own launcher (torchrun, SLURM) starts all of them,
and says in the environment which is which; then nothing is started here.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import IO, Any

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from upslope.runs.errors import ProcessLost
from upslope.runs.run import Run
from upslope.runs.worker_rank import launched
from upslope.training.config import TrainingConfig

_LAST_WORDS = 5.0  # seconds in which a process whose connection is gone has ended
_PATIENCE = 20.0  # seconds in which the first process notices by itself that another one is gone


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
    config.check_machine()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(config.devices)}
    others = [_Follower(run, {**shared, "RANK": str(n), "LOCAL_RANK": str(n)}) for n in range(1, config.devices)]
    mine = {**shared, "RANK": "0", "LOCAL_RANK": "0"}
    os.environ.update(mine)
    try:
        yield
        for other in others:
            other.done()
    except Exception as error:
        # What this process saw of it is a lost connection, in the words of the library that lost it.
        if lost := next((other for other in others if other.failed()), None):
            raise ProcessLost(lost.sentence()) from error
        raise
    finally:
        for name in mine:
            os.environ.pop(name, None)
        for other in others:
            other.end()


class _Follower:
    """One of the other processes. Should it fail, this one would wait for it in vain, so it ends as well."""

    def __init__(self, run: Run[Any], environment: dict[str, str]) -> None:
        self._run, self._number = run, int(environment["RANK"]) + 1
        self._words: IO[bytes] = TemporaryFile()  # noqa: SIM115 - its own, until `end`; the first process speaks for all
        self._over = threading.Event()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "upslope", "lab", *run.command()],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._words,
        )
        threading.Thread(target=self._watch, daemon=True).start()

    def done(self) -> None:
        """Wait for its end, which is near."""
        self._process.wait(timeout=60)

    def failed(self) -> bool:
        """Whether it has ended, and not as it should; one that dies takes a moment for it."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_LAST_WORDS)
        return bool(self._process.poll())

    def end(self) -> None:
        """Whatever it does."""
        self._over.set()
        self._process.kill()
        self._process.wait()
        self._words.close()

    def sentence(self) -> str:
        """How it ended, and how the run goes on."""
        code = self._process.returncode
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"failed (exit code {code})"
        self._words.seek(0)
        lines = self._words.read().decode(errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
        words = f', saying "{said}"' if said else ""
        saved = self._run.saved
        start = f"goes on from step {saved}" if saved is not None else "begins anew"
        return (
            f"process {self._number} of {self._run.config.devices} {how}{words}: the run stops, "
            f"and upslope lab --resume {self._run.folder.name} {start}"
        )

    def _watch(self) -> None:
        if self._process.wait() and not self._over.wait(timeout=_PATIENCE):
            # The first process hangs in a call that waits for this one, and hears of nothing else.
            print(f"  {self.sentence()}", file=sys.stderr, flush=True)
            os._exit(1)
