"""The rules of the WorkerSet as they are chosen at deployment, and workers' way in.

An epoch goes by the rules that were set when it was sealed; the governance may set others at any time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

from chain import abi
from chain.rpc import Rpc
from config.deploy_sender import Deployer

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

ETHER = 10**18
MILLI_ETHER = 10**15
GWEI = 10**9
MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True)
class Rules:
    """WorkerTypes.sol's `Rules`, in its order. Amounts are in wei, times in seconds; `commit_milli` and
    `reveal_milli` are shares of a round in thousandths, and what is left of it is for finalizing.
    """

    min_bond: int
    render_fee: int
    silence_slash: int
    mismatch_slash: int
    quorum: int
    commit_milli: int
    reveal_milli: int
    exit_delay: int
    challenge_period: int
    resolve_period: int
    max_gas_price: int

    def as_struct(self) -> tuple[int, ...]:
        """As the contract's constructor and `setRules` take it."""
        return astuple(self)

    def as_told(self) -> dict[str, int]:
        """As the contract tells it: by its own names."""
        return {_camel(field.name): getattr(self, field.name) for field in fields(self)}


DEMO_RULES = Rules(
    min_bond=ETHER,
    render_fee=10 * MILLI_ETHER,
    silence_slash=100 * MILLI_ETHER,
    mismatch_slash=500 * MILLI_ETHER,
    quorum=2,
    commit_milli=500,
    reveal_milli=300,
    exit_delay=10 * MINUTE,
    challenge_period=10 * MINUTE,  # a proposal that decides takes some 80 seconds here
    resolve_period=HOUR,
    max_gas_price=100 * GWEI,
)
PUBLIC_RULES = Rules(
    min_bond=ETHER,
    render_fee=5 * MILLI_ETHER,
    silence_slash=50 * MILLI_ETHER,
    mismatch_slash=250 * MILLI_ETHER,
    quorum=2,
    commit_milli=500,
    reveal_milli=300,
    exit_delay=14 * DAY,
    challenge_period=3 * DAY,
    resolve_period=14 * DAY,  # a proposal that decides takes nine days with the public profile
    max_gas_price=50 * GWEI,
)


def register(
    rpc: Rpc,
    worker: str | LocalAccount,
    worker_set: str,
    class_id: str,
    *,
    bond: int | None = None,
    uri: str = "",
) -> bool:
    """Bond a worker in a class: the least bond, unless `bond` (wei) says more. False when it is one already.

    `worker` is an address that the node signs for, or an account whose key we hold. Raises DeploymentError
    with the contract's reason.
    """
    sender = Deployer(rpc, worker)
    if int(sender.call("WorkerSet", worker_set, "workers", sender.address)["classId"], 16):
        return False
    least: int = sender.call("WorkerSet", worker_set, "rules")["minBond"]
    data = abi.encode_call("WorkerSet", "register", class_id, uri)
    sender.send(f"registering worker {sender.address}", data, worker_set, bond or least)
    return True


def changed_rules(rules: Rules, changes: Mapping[str, Any]) -> Rules:
    """Rules with changes by the contract's names or ours. Raises ValueError for an unknown one."""
    ours = {_camel(field.name): field.name for field in fields(Rules)}
    given = {ours.get(name, name): int(value) for name, value in changes.items()}
    if unknown := set(given) - set(ours.values()):
        raise ValueError(f"there is no rule {', '.join(sorted(unknown))}: the rules are {_names()}")
    return Rules(**{field.name: given.get(field.name, getattr(rules, field.name)) for field in fields(Rules)})


def _names() -> str:
    return ", ".join(_camel(field.name) for field in fields(Rules))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
