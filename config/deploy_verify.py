"""What a deployment promises, looked up on the chain: parts wired as asked, all power with the timelock."""

from __future__ import annotations

from typing import Any

from chain.deployments import Deployment
from chain.drand import EVMNET
from chain.rpc import Rpc
from config.deploy_sender import Deployer, DeploymentError
from config.deploy_settings import ZERO_ADDRESS, DeploySettings
from governance import parameters as governed

GOVERNED = ("ArtToken", "ArtParameters", "ModelRegistry", "SoloPainter", "WorkerSet", "LivingArtwork")
"""The contracts in which somebody may do more than others; the token's metadata and the sources of randomness
have nobody like that.
"""


def verify(rpc: Rpc, deployment: Deployment, settings: DeploySettings, sender: str) -> None:
    """Check on the chain that the deployment is what was asked for and that `sender` has no power over it.

    Raises DeploymentError with the first thing that is wrong.
    """
    deployer = Deployer(rpc, sender)
    at = deployment.contracts
    timelock = at["TimelockController"]

    def expect(name: str, function: str, expected: Any, *arguments: Any) -> None:
        found = deployer.call(name, at[name], function, *arguments)
        if found != expected:
            raise DeploymentError(f"{name}.{function} is {found}, not {expected}: do not use this deployment")

    for name in GOVERNED:
        expect(name, "governance", timelock)
    expect("ArtGovernor", "timelock", timelock)
    expect("ArtGovernor", "guardian", settings.guardian)
    expect("ArtToken", "slot", at["LivingArtwork"], _ascii32("minter"))
    expect("ArtToken", "isExcluded", True, timelock)
    expect("LivingArtwork", "founder", ZERO_ADDRESS)
    expect("LivingArtwork", "generations", len(settings.founding))
    expect("ArtParameters", "paramsHash", governed.params_hash(settings.parameters), 1)
    for slot, part in (
        ("parameters", at["ArtParameters"]),
        ("randomness", at[settings.randomness_contract]),
        ("painter", at[settings.painter_contract]),
        ("recipient", timelock),
        ("registry", at["ModelRegistry"]),
    ):
        expect("LivingArtwork", "slot", part, _ascii32(slot))
    expect("SoloPainter", "operator", settings.operator.lower())
    for name in ("SoloPainter", "WorkerSet", "ArtParameters"):
        expect(name, "artwork", at["LivingArtwork"])
    for entry in settings.models:
        expect("ModelRegistry", "isActive", True, entry.id)
        listed = deployer.call("ModelRegistry", at["ModelRegistry"], "modelOf", entry.id)
        if listed["tensorRoot"] != entry.tensor_root:
            raise DeploymentError(
                f"ModelRegistry lists {entry.id} with other tensors: do not use this deployment"
            )
    expect("WorkerSet", "rules", settings.rules.as_told())
    expect("WorkerSet", "acceptedClass", settings.accepted_class)
    for class_id in settings.classes:
        expect("WorkerSet", "isListed", True, class_id)
    if settings.randomness == "drand":
        for function, told in (
            ("publicKey", list(EVMNET.public_key)),
            ("genesis", EVMNET.genesis),
            ("period", EVMNET.period),
            ("delay", settings.drand_delay),
        ):
            expect("DrandRandomness", function, told)
    admin = "0x" + "0" * 64
    for role in ("PROPOSER_ROLE", "EXECUTOR_ROLE", "CANCELLER_ROLE", None):
        key = deployer.call("TimelockController", timelock, role) if role else admin
        expect("TimelockController", "hasRole", False, key, sender)
        expect("TimelockController", "getRoleAdmin", admin, key)
    expect("TimelockController", "hasRole", True, admin, timelock)


def _ascii32(text: str) -> str:
    return "0x" + text.encode("ascii").ljust(32, b"\0").hex()
