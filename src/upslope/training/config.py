"""The settings of every PyTorch lab for where and how it computes."""

import os
import shutil
from typing import Literal

import torch
from pydantic import Field
from torch import nn

from upslope.runs.config import LabConfig
from upslope.runs.errors import ConfigProblem


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


def use_threads(config: TrainingConfig) -> None:
    """Give PyTorch the threads that the config asks for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    usual = int(os.environ.get("OMP_NUM_THREADS", "0")) or max(1, cores // config.devices)
    torch.set_num_threads(config.threads or usual)


def compiled(model: nn.Module) -> None:
    """Let PyTorch compile a model in place; its weights keep their names. ConfigProblem where nothing can compile."""
    if shutil.which(os.environ.get("CXX", "g++")) is None and shutil.which("clang++") is None:
        raise ConfigProblem("compile=true needs a C++ compiler, and neither g++ nor clang++ is on this machine")
    model.compile()


def device_of(config: TrainingConfig) -> torch.device:
    """Where one process of this run computes."""
    gpu = config.accelerator == "gpu" or (config.accelerator == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if gpu else "cpu")
