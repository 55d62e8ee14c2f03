"""What a painting took, told by one method; the counters here are files of a tree like Linux's own."""

import multiprocessing
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio import energy
from studio.energy import CpuSeconds, Meter, Rapl, Unreadable
from studio.paint import paint
from studio.remote import RemotePainter

RANGE = 262_143_328_850
"""Microjoules, as a real package's counter has it."""


@pytest.fixture
def powercap(tmp_path) -> Path:
    """Two packages, memory below the first, and what must not be counted twice."""
    root = tmp_path / "powercap"
    zone(root, "intel-rapl:0", "package-0", 1_000_000)
    zone(root, "intel-rapl:0:0", "core", 600_000)
    zone(root, "intel-rapl:0:1", "uncore", 100_000)
    zone(root, "intel-rapl:0:2", "dram", 50_000, most=65_712_999_613)
    zone(root, "intel-rapl:1", "package-1", 2_000_000)
    zone(root, "intel-rapl:2", "psys", 9_000_000)
    (root / "intel-rapl").mkdir()
    return root


def zone(root: Path, folder: str, name: str, now: int, most: int = RANGE) -> None:
    (root / folder).mkdir(parents=True)
    (root / folder / "name").write_text(f"{name}\n")
    (root / folder / "max_energy_range_uj").write_text(f"{most}\n")
    count(root, folder, now)


def count(root: Path, folder: str, now: int) -> None:
    (root / folder / "energy_uj").write_text(f"{now}\n")


def work(seconds: float = 0.3) -> None:
    """Really use the processor for so long."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        sum(range(1000))


def test_packagesAndMemoryAreAdded_andNothingTwice(powercap):
    with Meter(powercap=powercap) as meter:
        count(powercap, "intel-rapl:0", 4_000_000)
        count(powercap, "intel-rapl:0:0", 99_000_000)
        count(powercap, "intel-rapl:0:2", 550_000)
        count(powercap, "intel-rapl:1", 2_250_000)
        count(powercap, "intel-rapl:2", 99_000_000)
    told = meter.energy
    assert (told["joules"], told["method"], told["idle_subtracted"]) == (3.75, "rapl", False)
    assert "package-0 + dram + package-1" in told["basis"]


def test_aCounterThatWraps_goesOnFromZero(powercap):
    count(powercap, "intel-rapl:0", RANGE - 1_999_999)
    with Meter(powercap=powercap) as meter:
        count(powercap, "intel-rapl:0", 3_000_000)
        meter.look()
        count(powercap, "intel-rapl:0", 2_999_999)  # once around, between two looks
    assert meter.energy["joules"] == pytest.approx((5_000_000 + RANGE) / 1e6)


@given(start=st.integers(0, RANGE), steps=st.lists(st.integers(0, RANGE), min_size=1, max_size=20))
def test_anyWayAround_isAddedUpExactly(tmp_path_factory, start, steps):
    root = tmp_path_factory.mktemp("powercap")
    zone(root, "intel-rapl:0", "package-0", start)
    counter, now = Rapl(root), start
    for step in steps:
        now = (now + step) % (RANGE + 1)
        count(root, "intel-rapl:0", now)
        counter.look()
    assert counter.joules == sum(steps) / 1e6


def test_aCounterThatVanishes_leavesTheEstimateAlone(powercap):
    with Meter(powercap=powercap, watts_per_core=5) as meter:
        work()
        count(powercap, "intel-rapl:0", 900_000_000)
        meter.look()
        (powercap / "intel-rapl:0" / "energy_uj").unlink()
    assert meter.energy["method"] == "estimate"
    assert meter.energy["joules"] < 900  # nothing of what the counter had counted


def test_aCounterThatMayNotBeRead_leavesTheEstimateAlone(powercap):
    """As Linux has it since 2020: the file is root's, and for root a folder stands in its place."""
    (powercap / "intel-rapl:1" / "energy_uj").unlink()
    (powercap / "intel-rapl:1" / "energy_uj").mkdir()
    with pytest.raises(Unreadable, match="intel-rapl:1/energy_uj: Is a directory"):
        Rapl(powercap)
    with Meter(powercap=powercap) as meter:
        work()
    assert meter.energy["method"] == "estimate"


@pytest.mark.parametrize("text", ["", "nonsense", "-5", "1.5"])
def test_aCounterThatHoldsNoNumber_isNotRead(powercap, text):
    (powercap / "intel-rapl:0" / "energy_uj").write_text(text)
    with pytest.raises(Unreadable, match="no number"):
        Rapl(powercap)


def test_aCounterThatStandsStill_isNotTakenForNothing(powercap):
    with Meter(powercap=powercap) as meter:
        work()
    assert meter.energy["method"] == "estimate"
    assert meter.energy["joules"] > 0


def test_theEstimate_isProcessorSecondsTimesWatts(tmp_path):
    with Meter(powercap=tmp_path, watts_per_core=10) as meter:
        work(0.5)
    assert 5.0 <= meter.energy["joules"] < 50
    assert "10 W a core (stated by the operator in PAINTER_WATTS_PER_CORE)" in meter.energy["basis"]


def test_theEstimate_countsWhatWasStarted_whileItRunsAndAfterIt():
    counter = CpuSeconds(1)
    script = "import sys\nwhile True: sum(range(1000))"
    child = subprocess.Popen([sys.executable, "-c", script])
    try:
        deadline = time.monotonic() + 60
        while counter.joules < 1 and time.monotonic() < deadline:
            time.sleep(0.05)
            counter.look()
        assert counter.joules >= 1  # of a process that still runs
    finally:
        child.kill()
        child.wait()
    ended = counter.joules
    counter.look()
    assert counter.joules >= ended  # and that has been waited for since


def test_withoutASettingTheSourceOfTheFigureIsNamed(tmp_path, monkeypatch):
    monkeypatch.delenv("PAINTER_WATTS_PER_CORE", raising=False)
    with Meter(powercap=tmp_path) as meter:
        work()
    assert "3.5 W a core (Cloud Carbon Footprint" in meter.energy["basis"]


@pytest.mark.parametrize("told", ["many", "0", "-3", "nan", "5000"])
def test_wattsThatMakeNoSense_areNotGuessedAround(tmp_path, monkeypatch, told):
    monkeypatch.setenv("PAINTER_WATTS_PER_CORE", told)
    with Meter(powercap=tmp_path) as meter:
        work(0.1)
    assert meter.energy["method"] == "unknown"
    assert "PAINTER_WATTS_PER_CORE" in meter.energy["reason"]
    assert "joules" not in meter.energy


def test_aPaintingOnAGpu_isNeverToldByTheProcessor(powercap):
    """There is no GPU where this runs: what is said then is that it isn't known, and why."""
    with Meter("cuda:7", powercap=powercap) as meter:
        work(0.1)
        count(powercap, "intel-rapl:0", 900_000_000)
    if meter.energy["method"] == "unknown":
        assert "nvidia-ml-py" in meter.energy["reason"] or "driver" in meter.energy["reason"]
    else:
        assert meter.energy["method"] == "nvml-counter"
        assert meter.energy["joules"] != 899


class OneGpu:
    """The four functions of nvidia-ml-py that are used, over a counter of ours: no GPU is to be had here."""

    class NVMLError(Exception):
        pass

    def __init__(self, *readings: int | None):
        self.readings = list(readings)

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if index:
            raise self.NVMLError("Invalid Argument")
        return 11

    def nvmlDeviceGetName(self, handle: int) -> str:
        return "A GPU"

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        assert handle == 11
        reading = self.readings.pop(0)
        if reading is None:
            raise self.NVMLError("Not Supported")
        return reading


@pytest.mark.parametrize(
    ("readings", "joules", "reason"),
    [
        ((5_000, 12_500), 7.5, ""),
        ((5_000, 5_000), None, "counted nothing"),
        ((5_000, 100), None, "began again"),
        ((None,), None, "Not Supported"),
        ((5_000, None), None, "Not Supported"),
    ],
)
def test_aGpusCounter_countsMillijoules(monkeypatch, readings, joules, reason):
    monkeypatch.setitem(sys.modules, "pynvml", OneGpu(*readings))
    with Meter("cuda") as meter:
        pass
    if joules is None:
        assert meter.energy["method"] == "unknown"
        assert reason in meter.energy["reason"]
    else:
        assert (meter.energy["method"], meter.energy["joules"]) == ("nvml-counter", joules)
        assert "GPU 0 (A GPU) alone" in meter.energy["basis"]


def test_aPaintingTellsItsEnergy_hereAndFromAnotherProcess(tiny_model, recipe_for, monkeypatch):
    monkeypatch.setenv("PAINTER_WATTS_PER_CORE", "7")
    here = paint(recipe_for(tiny_model), None, tiny_model, threads=1)
    remote = RemotePainter()
    try:
        there = remote.paint(recipe_for(tiny_model), None, tiny_model, threads=1)
    finally:
        remote.stop()
    for painting in (here, there):
        assert painting.energy["joules"] > 0
        assert painting.energy["method"] in (energy.RAPL, energy.ESTIMATE)
    if there.energy["method"] == energy.ESTIMATE:
        assert "× 7 W a core" in there.energy["basis"]
        # One thread painted: no more processor seconds than seconds, but for what else the process did.
        assert there.energy["joules"] < 7 * (there.seconds + 2) * multiprocessing.cpu_count()
