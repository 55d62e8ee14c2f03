"""The machine a figure was measured on: without it a figure says little."""

import os
import platform

import psutil

from studio.environment import environment


def machine(threads: int = 2) -> dict[str, str | int | float]:
    """Processor, cores, memory (GiB), system and Python; `load` is the load average when it is asked."""
    return {
        "cpu": str(environment(threads)["cpu"]),
        "cores": os.cpu_count() or 0,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }
