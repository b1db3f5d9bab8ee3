"""Peak memory and synchronisation of a device."""

import sys
from pathlib import Path

import torch


def peak_memory(device: torch.device) -> dict[str, int]:
    """This process's peak memory in bytes: on the "host", and on the "device" when that is a GPU.

    The host's is absent where the operating system does not report it (Windows).
    """
    peaks = {}
    if (host := _peak_on_host()) is not None:
        peaks["host"] = host
    if device.type == "cuda":
        peaks["device"] = torch.cuda.max_memory_allocated(device)
    return peaks


def forget_peak(device: torch.device) -> None:
    """Reset a GPU's peak of memory, so that it excludes loading."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def wait_for(device: torch.device) -> None:
    """Synchronise this thread's stream; CUDA and MPS work is asynchronous, so timing needs this."""
    if device.type == "cuda":
        torch.cuda.current_stream(device).synchronize()
    elif device.type == "mps":
        torch.mps.synchronize()


def _peak_on_host() -> int | None:
    if sys.platform == "linux":
        # Not getrusage: on Linux its maximum outlives exec, so a child begins with the peak of the process that started it.
        status = Path("/proc/self/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
