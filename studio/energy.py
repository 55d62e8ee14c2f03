"""The energy that a painting took: by a counter of the machine, else by an estimate that says so.

One painting's figure comes from one method, never from two: a painting on a GPU is read from the driver's
counter (NVML), one on the processor from the processor's (RAPL), and where that can't be read it is estimated
from the processor time of the painter's process tree. What can't be told is "unknown" with the reason, never
0. Nothing is subtracted for what the machine takes while it idles, and every figure says so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import psutil

NVML, RAPL, ESTIMATE, UNKNOWN = "nvml-counter", "rapl", "estimate", "unknown"
METHODS = (NVML, RAPL, ESTIMATE, UNKNOWN)

POWERCAP = Path("/sys/class/powercap")

WATTS_VARIABLE = "PAINTER_WATTS_PER_CORE"
"""The environment variable that says what a core of this machine takes under load, in watts."""
WATTS_PER_CORE = 3.5
WATTS_SOURCE = "Cloud Carbon Footprint: a hardware thread of AWS’s servers under full load, on average"
"""Where 3.5 W is from: MAX_WATTS_AVG of that project's constants for AWS, in watts per virtual processor."""

_MOST_WATTS = 1000.0


class Unreadable(Exception):
    """A counter can't be read; the message says which and why."""


class Counter(Protocol):
    """A source of joules. `basis` says in words what its figure stands on."""

    method: str
    basis: str

    def look(self) -> None:
        """Take a reading. Raises Unreadable."""

    @property
    def joules(self) -> float:
        """Between the first reading and the last."""


@dataclass
class _Zone:
    """One energy counter of the processor, in microjoules; it begins again at 0 beyond `most`."""

    folder: Path
    name: str
    most: int
    last: int | None = None
    passed: int = 0

    def look(self) -> None:
        now = _number(self.folder / "energy_uj")
        if self.last is not None:
            # The kernel's counter counts 0..max_energy_range_uj and wraps.
            self.passed += now - self.last if now >= self.last else now + self.most + 1 - self.last
        self.last = now


class Rapl:
    """The processor's own counters, as Linux shows them (Documentation/power/powercap).

    Added up are the packages and their memory: "core" and "uncore" lie inside the package, and "psys" holds
    all of them once more. A counter may wrap once between two looks, not twice: look at every step.
    """

    method = RAPL

    def __init__(self, root: Path = POWERCAP) -> None:
        """Find the counters. Raises Unreadable when there are none, or one can't be read."""
        self.zones = [zone for folder in sorted(root.glob("intel-rapl:*")) if (zone := _zone(folder))]
        if not self.zones:
            raise Unreadable(f"{root} shows no energy counter of the processor")
        names = " + ".join(zone.name for zone in self.zones)
        self.basis = f"the processor's energy counter ({names}), with all else that ran on it meanwhile"
        self.look()

    def look(self) -> None:
        for zone in self.zones:
            zone.look()

    @property
    def joules(self) -> float:
        return sum(zone.passed for zone in self.zones) / 1e6


class Nvml:
    """A GPU's own counter, millijoules since its driver was loaded (Volta and later)."""

    method = NVML

    def __init__(self, index: int = 0) -> None:
        """Raises Unreadable without nvidia-ml-py, without the driver, or where the GPU doesn't count."""
        try:
            import pynvml
        except ImportError as error:
            raise Unreadable("nvidia-ml-py is not installed") from error
        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            name = pynvml.nvmlDeviceGetName(self._handle)
        except pynvml.NVMLError as error:
            raise Unreadable(f"the GPU's driver does not answer: {error}") from error
        told = name.decode() if isinstance(name, bytes) else name
        self.basis = f"the energy counter of GPU {index} ({told}) alone, without the processor"
        self._first = self._last = self._read()

    def _read(self) -> int:
        try:
            return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))
        except self._nvml.NVMLError as error:
            raise Unreadable(f"the GPU's energy counter can't be read: {error}") from error

    def look(self) -> None:
        now = self._read()
        if now < self._last:
            raise Unreadable("the GPU's energy counter began again: its driver was loaded anew")
        self._last = now

    @property
    def joules(self) -> float:
        return (self._last - self._first) / 1e3


class CpuSeconds:
    """The estimate: processor seconds of this process and of all that it started, times watts a core."""

    method = ESTIMATE

    def __init__(self, watts_per_core: float | None = None) -> None:
        """Without a figure, PAINTER_WATTS_PER_CORE counts, else WATTS_PER_CORE. Raises Unreadable."""
        watts, source = _watts(watts_per_core)
        self.watts = watts
        self.basis = f"processor seconds of the painter × {watts:g} W a core ({source})"
        self._first = self._last = _cpu_seconds()

    def look(self) -> None:
        self._last = max(self._last, _cpu_seconds())

    @property
    def joules(self) -> float:
        return (self._last - self._first) * self.watts


@dataclass
class Meter:
    """Measures what happens inside `with`; then `energy` holds the figure.

    device: where the painting happens, "cpu" or "cuda:0"; a GPU's painting is never told by the processor's
    energy, nor the other way round. Call `look` now and then in between (counters wrap).
    """

    device: str = "cpu"
    watts_per_core: float | None = None
    powercap: Path = POWERCAP
    energy: dict[str, Any] = field(default_factory=lambda: unknown("nothing was measured"))
    _counters: list[Counter] = field(default_factory=list, repr=False)
    _reasons: list[str] = field(default_factory=list, repr=False)

    def __enter__(self) -> Self:
        self._counters, self._reasons = [], []
        for make in self._makers():
            try:
                self._counters.append(make())
            except Unreadable as error:
                self._reasons.append(str(error))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.look()
        self.energy = self._told()

    def look(self) -> None:
        """Read the counters. One that can no longer be read is left out altogether, not filled up."""
        for counter in list(self._counters):
            try:
                counter.look()
            except Unreadable as error:
                self._counters.remove(counter)
                self._reasons.append(str(error))

    def _makers(self) -> list[Any]:
        if self.device.startswith("cuda"):
            index = int(self.device.partition(":")[2] or 0)
            return [lambda: Nvml(index)]
        return [lambda: Rapl(self.powercap), lambda: CpuSeconds(self.watts_per_core)]

    def _told(self) -> dict[str, Any]:
        for counter in self._counters:
            if counter.joules > 0:
                return {
                    "joules": counter.joules,
                    "method": counter.method,
                    "basis": counter.basis,
                    "idle_subtracted": False,
                }
            self._reasons.append(f"{counter.basis} counted nothing")
        return unknown("; ".join(self._reasons) or "nothing was measured")


def unknown(reason: str) -> dict[str, Any]:
    """What is said of a painting whose energy isn't known."""
    return {"method": UNKNOWN, "reason": reason}


def _zone(folder: Path) -> _Zone | None:
    """A counter to add up, None for one that lies inside another. Raises Unreadable."""
    name = _text(folder / "name")
    if not name.startswith("package") and name != "dram":
        return None
    return _Zone(folder, name, _number(folder / "max_energy_range_uj"))


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error


def _number(path: Path) -> int:
    text = _text(path)
    if not text.isdigit():
        raise Unreadable(f"{path} holds {text[:40]!r}, no number")
    return int(text)


def _cpu_seconds() -> float:
    """Processor seconds, user and system, of this process and all below it, those that ended included.

    A process that ends is counted by the one that waited for it. Raises Unreadable.
    """
    try:
        me = psutil.Process()
        total = 0.0
        for process in [me, *me.children(recursive=True)]:
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue  # ended since it was listed; its parent counts it now
            total += times.user + times.system
            total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    except psutil.Error as error:
        raise Unreadable(f"the painter's processor time can't be read: {error}") from error
    return total


def _watts(given: float | None) -> tuple[float, str]:
    """(watts a core, where that is from). Raises Unreadable."""
    told = os.environ.get(WATTS_VARIABLE, "").strip()
    if given is None and not told:
        return WATTS_PER_CORE, WATTS_SOURCE
    try:
        watts = float(told) if given is None else given
    except ValueError:
        raise Unreadable(f"{WATTS_VARIABLE} is {told!r}, no number of watts") from None
    if not 0 < watts <= _MOST_WATTS:
        raise Unreadable(f"{WATTS_VARIABLE} is {watts:g}; it must be above 0 and at most {_MOST_WATTS:g}")
    return watts, f"stated by the operator in {WATTS_VARIABLE}"
