"""Which contracts are mirrored, and on which chain: the deployment file that `config/deploy.py` writes.

`{"chainId": 31337, "genesisHash": "0x…", "block": 1, "contracts": {"ArtToken": "0x…", …}}`, where `block`
is the first block that holds anything of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from chain.memory import once


class DeploymentMissing(LookupError):
    """There is no usable deployment file, or it lacks a contract."""


@dataclass(frozen=True)
class Deployment:
    """Addresses are lower-case; `contracts` maps a contract's name (that of its ABI file) to its address."""

    chain_id: int
    genesis_hash: str
    block: int
    contracts: dict[str, str]
    names: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        lowered = {name: address.lower() for name, address in self.contracts.items()}
        object.__setattr__(self, "genesis_hash", self.genesis_hash.lower())
        object.__setattr__(self, "contracts", lowered)
        object.__setattr__(self, "names", {address: name for name, address in lowered.items()})

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Deployment:
        """Read the file's object. Raises DeploymentMissing if a field is missing."""
        try:
            return cls(int(data["chainId"]), data["genesisHash"], int(data["block"]), dict(data["contracts"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DeploymentMissing(f"the deployment file is incomplete: {error!r}") from error

    def to_json(self) -> dict[str, Any]:
        """The object the file holds."""
        return {
            "chainId": self.chain_id,
            "genesisHash": self.genesis_hash,
            "block": self.block,
            "contracts": dict(self.contracts),
        }

    def address_of(self, name: str) -> str:
        """The address of the contract called `name`. Raises DeploymentMissing."""
        try:
            return self.contracts[name]
        except KeyError:
            raise DeploymentMissing(f"the deployment file has no contract called {name}") from None


_cache: tuple[tuple[Path, int, int], Deployment] | None = None


def load(path: Path | str | None = None) -> Deployment:
    """The deployment in `path` (default `settings.DEPLOYMENT_FILE`), read again whenever the file has
    changed.
    """
    global _cache
    file = Path(path or settings.DEPLOYMENT_FILE)
    try:
        stat = file.stat()
        key = (file, stat.st_mtime_ns, stat.st_ino)
        if _cache is not None and _cache[0] == key:
            return _cache[1]
        data = orjson.loads(file.read_bytes())
    except FileNotFoundError:
        raise DeploymentMissing(f"no deployment file at {file}: deploy the contracts first") from None
    except orjson.JSONDecodeError as error:
        raise DeploymentMissing(f"the deployment file {file} is not JSON: {error}") from error
    deployment = Deployment.from_json(data)
    _cache = (key, deployment)
    return deployment


def address_of(name: str) -> str:
    """The address of a contract in the configured deployment. Raises DeploymentMissing."""
    return load().address_of(name)


def name_of(address: str) -> str | None:
    """The name of the contract at `address` in the configured deployment, or None if it is not ours."""
    return _names().get(address.lower())


@once
def _names() -> dict[str, str]:
    return load().names
