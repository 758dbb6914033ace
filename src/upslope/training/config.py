"""The settings of every PyTorch lab for where and how it computes."""

import os
import shutil
from typing import Literal, Self

import torch
from pydantic import Field, model_validator
from torch import nn

from upslope.runs.config import LabConfig
from upslope.runs.config import only_with as only_with
from upslope.runs.errors import ConfigProblem
from upslope.runs.worker_rank import launched
from upslope.spelling import did_you_mean


class TrainingConfig(LabConfig):
    """The settings with which a lab leaves the laptop; they go to Lightning's Trainer as they are."""

    accelerator: Literal["auto", "cpu", "gpu"] = Field("auto", description="what computes; auto: a GPU if there is one")
    devices: int = Field(1, ge=1, le=64, description="processes on this machine, one for each device")
    nodes: int = Field(1, ge=1, le=1024, description="machines; each is started by your cluster's own launcher")
    strategy: str = Field("auto", description="how the processes work together; auto: ddp where there are several")
    precision: Literal["32", "bf16"] = Field("32", description="bf16: matrix products in 16 bits")
    threads: int = Field(
        0, ge=0, le=256, description="threads of each process; 0: OMP_NUM_THREADS, or all cores shared"
    )

    compile: bool = Field(False, description="compile the network first: worth it in long runs; needs a C++ compiler")

    @property
    def processes(self) -> int:
        """How many processes train together."""
        return self.devices * self.nodes

    @model_validator(mode="after")
    def _shared_evenly(self) -> Self:
        size = getattr(self, "batch_size", self.processes)
        if size % self.processes:
            raise ValueError(f"batch_size={size} cannot be shared evenly by {self.processes} processes")
        if self.processes == 1:
            self.refuse_unused("strategy", because="changes nothing, because one process works alone")
        return self

    def check_machine(self) -> None:
        """Refuse accelerators, processes, strategies and compilers that are not here, before anything is started."""
        if self.accelerator == "gpu" and not gpus():
            raise ConfigProblem(
                "accelerator=gpu needs a GPU that PyTorch can use, and there is none here: "
                "leave it out, and the run computes on the CPU"
            )
        if self.nodes > 1 and not launched():
            raise ConfigProblem(
                f"nodes={self.nodes} needs a launcher on each machine, torchrun or srun, that says which process is "
                "which"
            )
        gpu = device_of(self).type != "cpu"
        # Two are let run on a single core, slowly: that is how one tries several processes out.
        room, what = (gpus(), "GPU") if gpu else (max(2, cores()), "CPU core")
        if self.devices > room:
            here = f"{gpus() if gpu else cores()} {what}{'s' if (gpus() if gpu else cores()) != 1 else ''}"
            raise ConfigProblem(
                f"devices={self.devices} starts as many processes, each on a {what} of its own, and there are {here} "
                f"here: devices={room} is the most"
            )
        if self.compile:
            need_compiler()
        if self.strategy != "auto":
            from lightning.pytorch.strategies import StrategyRegistry

            known = StrategyRegistry.available_strategies()
            if self.strategy not in known:
                near = did_you_mean(self.strategy, known)
                raise ConfigProblem(f"strategy={self.strategy} is none that Lightning has{near} (auto, ddp, fsdp, ...)")


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def gpus() -> int:
    """The GPUs that PyTorch can use here."""
    return torch.cuda.device_count() if torch.cuda.is_available() else int(torch.backends.mps.is_available())


def use_threads(config: TrainingConfig) -> None:
    """Give PyTorch the threads that the config asks for."""
    usual = int(os.environ.get("OMP_NUM_THREADS", "0")) or max(1, cores() // config.devices)
    torch.set_num_threads(config.threads or usual)


def compiled(model: nn.Module) -> None:
    """Let PyTorch compile a model in place; its weights keep their names. ConfigProblem where nothing can compile."""
    need_compiler()
    model.compile()


def need_compiler() -> None:
    """Refuse where nothing can compile."""
    if shutil.which(os.environ.get("CXX", "g++")) is None and shutil.which("clang++") is None:
        raise ConfigProblem("compile=true needs a C++ compiler, and neither g++ nor clang++ is on this machine")


def device_of(config: TrainingConfig) -> torch.device:
    """Where one process of this run computes."""
    gpu = config.accelerator == "gpu" or (config.accelerator == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if gpu else "cpu")
