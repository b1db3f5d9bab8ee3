"""The machine, versions and date of a measurement, for the JSON record of every benchmark."""

import datetime
import importlib.metadata
import os
import platform
import shutil
import subprocess
from pathlib import Path

import torch

from mattecli import __version__
from mattecli.core.tuning.cpu_quota import available_cores

PACKAGES = {"numpy": ("numpy",), "opencv": ("opencv-python-headless", "opencv-python"), "pyav": ("av",)}
DRIVER_SECONDS = 20


def describe() -> dict[str, object]:
    """Machine, torch threads, versions and UTC date in one record; None for what is absent or unknown."""
    return {**hardware(), "torch_threads": torch.get_num_threads(), **versions(), "date": today()}


def hardware() -> dict[str, object]:
    """Processor, cores (logical, and available under affinity and control groups), bytes of memory, GPUs with their driver."""
    return {
        "processor": _processor(),
        "logical_cores": os.cpu_count(),
        "available_cores": available_cores(),
        "memory": _memory(),
        "gpus": [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())],
        "driver": _driver(),
        "platform": platform.platform(),
    }


def versions() -> dict[str, str | None]:
    """Versions of this program and of the libraries it computes with."""
    return {
        "mattecli": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        **{name: _version(distributions) for name, distributions in PACKAGES.items()},
    }


def today() -> str:
    """The date in UTC, 2031-12-24."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # Windows
        return None


def _driver() -> str | None:
    """The version of the NVIDIA driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    command = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DRIVER_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return next(iter(done.stdout.split()), None)


def _version(distributions: tuple[str, ...]) -> str | None:
    for distribution in distributions:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None
