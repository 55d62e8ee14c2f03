"""Before an operator paints: is everything there, and is there a bond? What is missing is one sentence each.

`settings_problems` needs no database, `join` needs everything; both raise CannotStart with what to do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings

from chain import contracts, deployments, ether, signers
from chain.deployments import DeploymentMissing
from chain.rpc import Rpc, RpcError, RpcUnavailable, addresses, get_rpc, without_secrets
from chain.signers import SignerMissing
from config.instance import CannotStart
from studio import models as studio_models
from studio.models import UnknownModel

log = logging.getLogger("config.operate")

Say = Callable[[str], None]

WAIT_S = 300.0
LOOK_S = 0.5
PATIENCE_S = 10.0
GAS = 600_000
"""Of a commitment, a reveal and finalizing, with room."""
NO_CLASS = "0x" + "00" * 32
STAYS = 2**64 - 1
"""`lastEpoch` of a worker that neither left nor was dropped."""


def settings_problems() -> Iterator[str]:
    """What the settings lack, a sentence each."""
    try:
        if not signers.worker_accounts():
            yield (
                "There is no key to paint with: set WORKER_KEYS, or WORKER_KEYSTORES and "
                "WORKER_KEYSTORE_PASSWORD_FILE."
            )
    except SignerMissing as error:
        yield f"{str(error)[0].upper()}{str(error)[1:]}."
    file = settings.DEPLOYMENT_FILE
    try:
        deployment = deployments.load()
    except DeploymentMissing as error:
        words = f"{str(error)[0].upper()}{str(error)[1:]}"
        if not Path(file).exists():
            words = f"There is no deployment file at {file}"
        yield f"{words}: set DEPLOYMENT_FILE to the one that the artwork's site hands out."
        return
    if "WorkerSet" not in deployment.contracts:
        yield f"The deployment in {file} has no WorkerSet: it has one painter, and takes no others."
    if settings.CHAIN_RPC_URL:
        yield from _of_another_chain(deployment)


def _of_another_chain(deployment: deployments.Deployment) -> Iterator[str]:
    """Nodes that answer and are of another chain; one that doesn't answer is waited for."""
    silent = []
    urls = addresses(settings.CHAIN_RPC_URL)
    for url in urls:
        name, node = without_secrets(url), Rpc(url, timeout=PATIENCE_S)
        try:
            chain_id = int(node.call("eth_chainId"), 16)
            genesis = str(node.call("eth_getBlockByNumber", "0x0", False)["hash"]).lower()
        except (RpcUnavailable, RpcError, TypeError, KeyError, ValueError) as error:
            silent.append(f"The node {name} does not answer as one: {error}.")
            continue
        finally:
            node.close()
        if chain_id != deployment.chain_id:
            yield (
                f"The node {name} is of chain {chain_id}, but the deployment is on chain "
                f"{deployment.chain_id}: take it out of CHAIN_RPC_URL, or set another DEPLOYMENT_FILE."
            )
        elif genesis != deployment.genesis_hash:
            yield (
                f"The node {name} is of chain {chain_id}, as the deployment is, but begins with another "
                "block: it is another chain of that number."
            )
    if len(silent) == len(urls):
        yield from silent


def join(class_id: str, register: bool, say: Say) -> None:
    """See that every key is a bonded worker of `class_id` with ether for gas, and that the model is here.

    With `register`, bonds those that are none yet with the least bond. Raises CannotStart.
    """
    try:
        accepted = contracts.call("WorkerSet", "acceptedClass")
        if problems := [*_class(class_id, accepted, say), *_model()]:
            raise CannotStart("\n".join(problems))
        price = int(get_rpc().call("eth_gasPrice"), 16)
        for worker in (one.address.lower() for one in signers.worker_accounts()):
            problems += _worker(worker, class_id, register, price, say)
    except (RpcUnavailable, RpcError, contracts.CallReverted) as error:
        raise CannotStart(f"The chain could not be asked: {error}.") from error
    if problems:
        raise CannotStart("\n".join(problems))


def _class(class_id: str, accepted: str, say: Say) -> Iterator[str]:
    if not contracts.call("WorkerSet", "isListed", class_id):
        yield (
            f"This machine's determinism class, {class_id}, is not listed, so nobody of it may paint. "
            "It takes a proposal to list it; or WORKER_CLASS names the class that this machine is to declare."
        )
    elif class_id != accepted:
        say(
            f"Our class {class_id} is listed, but {accepted} is the one that counts: we earn nothing for now."
        )


def _model() -> Iterator[str]:
    """The model of the open epoch must be here: later ones are looked for when they are painted."""
    version = contracts.call("ArtParameters", "version")
    model = contracts.call("ArtParameters", "modelAt", version)
    try:
        studio_models.resolve(model, settings.PAINTER_MODELS)
    except (UnknownModel, OSError) as error:
        yield (
            f"PAINTER_MODELS has no folder with the model that is painted with now ({error}). Nothing else "
            "is painted in its place."
        )


def _worker(worker: str, class_id: str, register: bool, price: int, say: Say) -> Iterator[str]:
    known = contracts.call("WorkerSet", "workers", worker)
    balance = int(get_rpc().call("eth_getBalance", worker, "latest"), 16)
    gas = GAS * price
    if known["classId"] not in (NO_CLASS, class_id):
        yield (
            f"{worker} is registered with the class {known['classId']}, and this machine's is {class_id}: "
            "it has to leave (requestExit), take its bond, and register anew."
        )
        return
    if known["classId"] == NO_CLASS:
        bond = contracts.call("WorkerSet", "rules")["minBond"]
        if not register:
            yield (
                f"{worker} is no worker yet: start with --register (make operator ARGS=--register), which "
                f"bonds it with {ether.words(bond)}."
            )
        elif balance < bond + gas:
            yield (
                f"{worker} has {ether.words(balance)}, and needs {ether.words(bond)} for its bond "
                f"besides gas (about {ether.words(gas)} an epoch): send it some."
            )
        else:
            say(f"{worker}: registering, with a bond of {ether.words(bond)}")
            _send(worker, bond, class_id)
            known = contracts.call("WorkerSet", "workers", worker)
            say(f"{worker}: registered, and paints from epoch {known['firstEpoch']} on")
        return
    if balance < gas:
        need = ether.words(gas)
        yield f"{worker} has {ether.words(balance)}, and an epoch takes about {need} of gas: send it some."
    bond = ether.words(known["bond"])
    if known["lastEpoch"] != STAYS:
        say(f"{worker}: leaves, and paints up to epoch {known['lastEpoch']} (bond {bond})")
    else:
        say(f"{worker}: bond {bond}, paints from epoch {known['firstEpoch']} on")


def _send(worker: str, bond: int, class_id: str) -> None:
    """Register by way of the outbox, and wait until it is mined. Raises CannotStart."""
    from chain import transactions
    from chain.transactions import TransactionState

    # A worker that has left may come back: another epoch, another registration.
    key = f"register:{worker}:{contracts.call('WorkerSet', 'lastSealed')}"
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        row: Any = transactions.send(
            key, "WorkerSet", "register", class_id, settings.WORKER_URI, sender=worker, value=bond
        )
        if row.state in (TransactionState.FAILED, TransactionState.REVERTED):
            raise CannotStart(f"{worker} could not register: {row.error or 'it was reverted'}.")
        if row.state == TransactionState.MINED:
            return
        time.sleep(LOOK_S)
        transactions.settle()
    raise CannotStart(f"{worker}'s registration is not mined after {WAIT_S:g} s: start again to wait on.")
