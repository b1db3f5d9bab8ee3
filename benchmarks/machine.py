"""On what a benchmark ran: the machine, the versions and the day, for the JSON that lies beside every number."""

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = {"torch": ("torch",), "numpy": ("numpy",), "opencv": ("opencv-python-headless", "opencv-python")}


def describe() -> dict[str, object]:
    """The processor's name, logical cores, torch threads, versions, platform and UTC date; None for what is not installed."""
    return {
        "processor": _processor(),
        "logical_cores": os.cpu_count(),
        "torch_threads": _torch_threads(),
        "python": platform.python_version(),
        **{name: _version(distributions) for name, distributions in PACKAGES.items()},
        "platform": platform.platform(),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
    }


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(distributions: tuple[str, ...]) -> str | None:
    for distribution in distributions:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _torch_threads() -> int | None:
    try:
        import torch
    except ImportError:
        return None
    return int(torch.get_num_threads())
