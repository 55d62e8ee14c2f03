"""Deploys the contracts: one script for every chain.

    settings = DeploySettings.profile("demo", operator=..., parameters=..., founding=...)
    deployment = deploy(rpc, sender, settings)

1. Compute the addresses in advance (CREATE: from the sender and its next nonce), since the parts name each
   other. So every contract is born obeying the timelock, and the deployer never holds a role.
2. Create the contracts, in an order in which those that must exist already do.
3. Anchor the founding generations and close the founding, which ends the deployer's only power; fund the
   workers' pool.
4. Verify on the chain what steps 1 to 3 promise, then write the deployment file.

A deployment that was cut short goes on where it stopped: its plan is kept beside the deployment file until
that is written. A finished one is returned as it is, without a transaction.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings

from chain import abi, ether
from chain.deployments import Deployment
from chain.drand import EVMNET
from chain.rpc import Rpc
from config.deploy_sender import Deployer, DeploymentError, create_address
from config.deploy_settings import (
    PROFILES,
    ZERO_ADDRESS,
    DeploySettings,
    Founding,
    first_values,
    read_founding,
)
from config.deploy_verify import verify
from governance import parameters as governed

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

__all__ = [
    "PROFILES",
    "ZERO_ADDRESS",
    "DeploySettings",
    "DeploymentError",
    "Founding",
    "Report",
    "create_address",
    "deploy",
    "first_values",
    "read_founding",
    "verify",
]

Report = Callable[[str], None]


def order(settings: DeploySettings) -> tuple[str, ...]:
    """The contracts in the order of creation: the artwork checks that its parts are contracts, so they come
    before it.
    """
    return (
        "ArtToken",
        "TimelockController",
        "ArtGovernor",
        "ArtParameters",
        "ModelRegistry",
        settings.randomness_contract,
        "SoloPainter",
        "WorkerSet",
        "TokenMetadata",
        "LivingArtwork",
    )


def deploy(
    rpc: Rpc,
    sender: str | LocalAccount,
    settings: DeploySettings,
    *,
    file: Path | None = None,
    report: Report | None = None,
) -> Deployment:
    """Deploy everything and return the deployment, also written to `file` (default: DEPLOYMENT_FILE).

    `sender` is an address that the node can sign for, or an account whose key we hold. Raises
    DeploymentError when the file belongs to another chain, when something was refused, or when the
    verification at the end fails.
    """
    path = Path(file or django_settings.DEPLOYMENT_FILE)
    say = report or (lambda line: None)
    deployer = Deployer(rpc, sender)
    chain_id = int(rpc.call("eth_chainId"), 16)
    genesis: str = rpc.call("eth_getBlockByNumber", "0x0", False)["hash"]

    finished = _finished(deployer, path, chain_id, genesis)
    if finished is not None:
        say("the contracts are there already")
        return finished

    nonce, first_block = _begin(deployer, path, chain_id, genesis, settings)
    plan = _plan(deployer.address, nonce, settings, _now(rpc))
    for offset, (name, arguments) in enumerate(plan):
        address = create_address(deployer.address, nonce + offset)
        if not deployer.has_code(address):
            say(f"create {name}")
            receipt = deployer.send(f"creating {name}", abi.encode_constructor(name, *arguments))
            if receipt["contractAddress"].lower() != address:
                raise DeploymentError(
                    f"{name} was created at {receipt['contractAddress']} instead of {address}: "
                    "the sender made another transaction meanwhile; deploy again"
                )
    contracts = {
        name: create_address(deployer.address, nonce + offset) for offset, (name, _) in enumerate(plan)
    }
    _found(deployer, contracts["LivingArtwork"], settings, say)
    _fund(deployer, contracts["WorkerSet"], settings, say)
    deployment = Deployment(chain_id, genesis, first_block, contracts)
    verify(rpc, deployment, settings, deployer.address)
    _write(path, deployment.to_json())
    _partial(path).unlink(missing_ok=True)
    say(f"deployed {len(contracts)} contracts and {len(settings.founding)} founding generations")
    return deployment


def _plan(sender: str, nonce: int, settings: DeploySettings, now: int) -> list[tuple[str, tuple[Any, ...]]]:
    """The contracts in the order of their creation, each with its constructor's arguments."""
    names = order(settings)
    at = {name: create_address(sender, nonce + offset) for offset, name in enumerate(names)}
    timelock, artwork = at["TimelockController"], at["LivingArtwork"]
    governor = {
        "token": at["ArtToken"],
        "timelock": timelock,
        "votingDelay": settings.voting_delay,
        "votingPeriod": settings.voting_period,
        "proposalThreshold": settings.proposal_threshold,
        "quorumPercent": settings.quorum_percent,
        "minVotes": settings.min_votes,
        "lateExtension": settings.late_extension,
        "guardian": settings.guardian,
        "guardianUntil": now + settings.guardian_period if settings.guardian != ZERO_ADDRESS else 0,
    }
    config = (settings.seed_timeout, settings.paint_period, settings.max_rounds, settings.max_refixes)
    source, painter = at[settings.randomness_contract], at[settings.painter_contract]
    parts = (at["ArtParameters"], source, painter, timelock, at["ModelRegistry"])
    models = [entry.id for entry in settings.models], [entry.as_struct() for entry in settings.models]
    workers = (settings.rules.as_struct(), list(settings.classes), settings.accepted_class)
    initial = tuple(settings.parameters[parameter.key] for parameter in governed.PARAMETERS)
    arguments: dict[str, tuple[Any, ...]] = {
        "ArtToken": (timelock, artwork, at["TokenMetadata"], [timelock]),
        # Anybody may execute what passed (the zero address), and nobody is the timelock's admin but itself.
        "TimelockController": (settings.timelock_delay, [at["ArtGovernor"]], [ZERO_ADDRESS], ZERO_ADDRESS),
        "ArtGovernor": (governor,),
        "ArtParameters": (timelock, artwork, initial),
        "ModelRegistry": (timelock, *models),
        "BlockhashRandomness": (),
        "DrandRandomness": (EVMNET.public_key, EVMNET.genesis, EVMNET.period, settings.drand_delay),
        "SoloPainter": (timelock, artwork, settings.operator),
        "WorkerSet": (timelock, artwork, *workers),
        "TokenMetadata": (artwork,),
        "LivingArtwork": (timelock, sender, at["ArtToken"], config, parts),
    }
    return [(name, arguments[name]) for name in names]


def _found(deployer: Deployer, artwork: str, settings: DeploySettings, say: Report) -> None:
    """Anchor the founding generations that aren't anchored yet, and close the founding."""
    if deployer.call("LivingArtwork", artwork, "founder") == ZERO_ADDRESS:
        return
    done = deployer.call("LivingArtwork", artwork, "generations")
    for number, founding in enumerate(settings.founding[done:], start=done + 1):
        say(f"anchor founding generation {number}, {founding.title}")
        data = abi.encode_call(
            "LivingArtwork",
            "foundGeneration",
            founding.owner,
            founding.values["model"],
            governed.params_hash(founding.values),
            founding.seed,
            (founding.pixel_hash, founding.thumb_hash, founding.file_hash),
        )
        deployer.send(f"founding generation {number}", data, artwork)
    deployer.send("closing the founding", abi.encode_call("LivingArtwork", "closeFounding"), artwork)


def _fund(deployer: Deployer, worker_set: str, settings: DeploySettings, say: Report) -> None:
    """Give the pool what it lacks of what was asked for."""
    lacking = settings.pool - deployer.call("WorkerSet", worker_set, "pool")
    if lacking > 0:
        say(f"give {ether.words(lacking)} to the workers' pool")
        deployer.send("funding the workers' pool", abi.encode_call("WorkerSet", "fund"), worker_set, lacking)


def _finished(deployer: Deployer, path: Path, chain_id: int, genesis: str) -> Deployment | None:
    """The deployment in the file, if the chain has it; None if there is none."""
    if not path.exists():
        return None
    try:
        deployment = Deployment.from_json(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise DeploymentError(f"{path} is not a deployment file: {error}") from error
    if (deployment.chain_id, deployment.genesis_hash) != (chain_id, genesis.lower()):
        raise DeploymentError(
            f"{path} describes a deployment on chain {deployment.chain_id} (genesis "
            f"{deployment.genesis_hash}), but the node is on chain {chain_id} (genesis {genesis}): "
            "move the file away to deploy on this chain"
        )
    missing = [name for name, address in deployment.contracts.items() if not deployer.has_code(address)]
    if missing:
        raise DeploymentError(
            f"the chain has no code of {', '.join(missing)}, which {path} lists: the node may not have "
            "caught up; if the chain has lost them, move the file away to deploy again"
        )
    return deployment


def _begin(
    deployer: Deployer, path: Path, chain_id: int, genesis: str, settings: DeploySettings
) -> tuple[int, int]:
    """The first contract's nonce and the deployment's first block, of a plan cut short or of a new one."""
    digest = hashlib.sha256(
        repr((settings, [abi.artifact(name)["bytecode"] for name in order(settings)])).encode()
    ).hexdigest()
    wanted = {"chainId": chain_id, "genesisHash": genesis, "sender": deployer.address, "settings": digest}
    partial = _partial(path)
    nonce = deployer.nonce()
    if partial.exists():
        begun = json.loads(partial.read_text(encoding="utf-8"))
        same = all(begun.get(key) == value for key, value in wanted.items())
        created = nonce - begun["nonce"]
        # Transactions in between would have moved the addresses: then a new plan is made.
        if (
            same
            and created >= 0
            and all(
                deployer.has_code(create_address(deployer.address, begun["nonce"] + offset))
                for offset in range(min(created, len(order(settings))))
            )
        ):
            return int(begun["nonce"]), int(begun["block"])
    block = int(deployer.rpc.call("eth_blockNumber"), 16) + 1
    _write(partial, {**wanted, "nonce": nonce, "block": block})
    return nonce, block


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write JSON so that a crash leaves the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".new")
    scratch.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(scratch, path)


def _now(rpc: Rpc) -> int:
    return int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
