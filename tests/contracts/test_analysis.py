"""What coverage and Slither say is read as it is meant: a finding that nobody explained can't hide."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "contracts" / "script"))
import covered  # noqa: E402
import slither  # noqa: E402
from covered import Reached  # noqa: E402
from slither import Finding  # noqa: E402

PAGE = f"""# Security

{slither.HEADING}

| detector | where | why it stays |
| --- | --- | --- |
| `timestamp` | `Auction.bid`, `Auction.settle` | seconds decide nothing |
| `assembly` | `Curve.add` | |
| no detector | `Curve.double` | this row is for people |

## Another section

| `timestamp` | `Elsewhere.at` | it isn't the table |
"""


def finding(check: str, name: str, contract: str) -> dict[str, object]:
    """One result as Slither's report has it."""
    parent = {"type": "contract", "name": contract, "type_specific_fields": {}}
    return {
        "check": check,
        "elements": [{"type": "function", "name": name, "type_specific_fields": {"parent": parent}}],
    }


def test_explanations_areRowsWithADetectorAPlaceAndAReason():
    assert slither.explained(PAGE) == {
        Finding("timestamp", "Auction.bid"),
        Finding("timestamp", "Auction.settle"),
    }
    with pytest.raises(ValueError, match="no heading"):
        slither.explained("# Security\n")


def test_aFinding_isNamedByItsContractAndFunction():
    report = {"results": {"detectors": [finding("timestamp", "bid", "Auction")]}}
    assert slither.read(report) == {Finding("timestamp", "Auction.bid")}
    variable = {
        "check": "uninitialized-local",
        "elements": [
            {
                "type": "variable",
                "name": "sum",
                "type_specific_fields": {
                    "parent": {
                        "type": "function",
                        "name": "bid",
                        "type_specific_fields": {"parent": {"type": "contract", "name": "Auction"}},
                    }
                },
            }
        ],
    }
    assert slither.read({"results": {"detectors": [variable]}}) == {
        Finding("uninitialized-local", "Auction.bid.sum")
    }


@pytest.mark.parametrize(
    ("found", "said", "status"),
    [
        ({Finding("timestamp", "Auction.bid"), Finding("timestamp", "Auction.settle")}, "", 0),
        ({Finding("timestamp", "Auction.bid")}, "not found any more:\n  timestamp: Auction.settle", 1),
        (
            {Finding("timestamp", at) for at in ("Auction.bid", "Auction.settle", "Auction.end")},
            "not explained in docs/security.md:\n  timestamp: Auction.end",
            1,
        ),
    ],
)
def test_whatIsNewOrGone_fails(found, said, status, tmp_path, monkeypatch, capsys):
    page = tmp_path / "security.md"
    page.write_text(PAGE)
    monkeypatch.setattr(slither, "PAGE", page)
    monkeypatch.setattr(slither, "analyse", lambda: found)
    assert slither.main() == status
    assert said in capsys.readouterr().err


def test_coverage_countsOurSourcesAlone():
    report = """\
SF:node_modules/lib/Lib.sol
LF:100
LH:0
end_of_record
SF:src/A.sol
DA:3,1
LF:10
LH:9
BRF:4
BRH:2
end_of_record
SF:src/B.sol
LF:10
LH:10
end_of_record
SF:test/A.t.sol
LF:5
LH:0
end_of_record
"""
    found = covered.read(report.splitlines())
    assert found == {
        "src/A.sol": (Reached(9, 10), Reached(2, 4)),
        "src/B.sol": (Reached(10, 10), Reached(0, 0)),
    }
    assert covered.total(one[0] for one in found.values()) == Reached(19, 20)
    assert Reached(19, 20).share == 0.95
    assert Reached(0, 0).share == 1


@pytest.mark.slow
def test_benchGas_staysWithinTheLimits(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "benches.gas"], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr[-3000:]
    told = json.loads(run.stdout.splitlines()[-1])
    steps = {"propose", "vote", "vote_by_sig", "queue", "execute", "seal", "seed", "seed_drand"}
    steps |= {"register_worker", "commit", "reveal", "finalize", "resolve"}
    assert steps <= told.keys()
    assert all(told[step] > 21_000 for step in steps)
    assert told["limits"] == {"propose": 120_000, "vote": 110_000, "finalize": 400_000}
    assert all(told["machine"][fact] for fact in ("cpu", "cores", "system"))
