"""What to call an address: a contract of ours, somebody of the private chain's, or itself."""

from __future__ import annotations

from django.conf import settings

from chain import deployments

# Accounts 1 to 4 of the private chain's well-known test mnemonic: worthless anywhere else.
DEMO_COLLECTORS: dict[str, str] = {
    "0x70997970c51812dc3a010c7d01b50e0d17dc79c8": "Mira",
    "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc": "Ines",
    "0x90f79bf6eb2c4f870365e785982e1f101e93b906": "Tomas",
    "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65": "Yuki",
}
# Accounts 10 to 12, the private chain's own workers: `chain.signers.WORKER_ACCOUNTS`.
DEMO_WORKERS: dict[str, str] = {
    "0xbcd4042de499d14e55001ccbb24a551f3b954096": "Worker one",
    "0x71be63f3384f5fb98995898a86b02fb2426c5788": "Worker two",
    "0xfabb0ac9d68b0b445fb7357272ff202c5651694a": "Worker three",
}
_CONTRACTS = {
    "TimelockController": "the treasury",
    "ArtGovernor": "the governor",
    "ArtToken": "the token",
    "LivingArtwork": "the artwork",
    "GenerationAuction": "the auction",
    "WorkerSet": "the set of workers",
    "ModelRegistry": "the registry of models",
}


def name_of(address: str) -> str:
    """`Mira`, `the treasury`, or `0x1234…abcd`."""
    address = address.lower()
    if settings.PRIVATE_CHAIN and (name := DEMO_COLLECTORS.get(address) or DEMO_WORKERS.get(address)):
        return name
    try:
        contract = deployments.name_of(address)
    except deployments.DeploymentMissing:
        contract = None
    return _CONTRACTS.get(contract, contract) if contract else short(address)


def short(address: str) -> str:
    """The first four and last four digits of an address."""
    return f"{address[:6]}…{address[-4:]}"
