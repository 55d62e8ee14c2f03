"""The contracts' own formulas, in Python: the hashes that anybody can compute again from what they commit to.

Everything is 0x text in lower case; addresses too. Sources: contracts/src/libraries/Commitments.sol and
WorkerSet.sol. Pure functions: which chain and which contract is said by the caller.
"""

from __future__ import annotations

from typing import Any

from eth_abi import encode
from eth_utils import keccak

NO_HEAD = "0x" + "00" * 32
"""The lineage head before the first generation."""


def seed(chain_id: int, artwork: str, epoch: int, params_hash: str, randomness: str) -> str:
    """keccak256(abi.encode("EPOCH_SEED_V1", chainid, artwork, epoch, paramsHash, randomness))."""
    return _hash(
        ("string", "EPOCH_SEED_V1"),
        ("uint256", chain_id),
        ("address", artwork),
        ("uint256", epoch),
        ("bytes32", params_hash),
        ("bytes32", randomness),
    )


def recipe_hash(
    chain_id: int, artwork: str, epoch: int, params_hash: str, parent_head: str, seed_: str
) -> str:
    """keccak256(abi.encode("RECIPE_V1", chainid, artwork, epoch, paramsHash, parentHead, seed))."""
    return _hash(
        ("string", "RECIPE_V1"),
        ("uint256", chain_id),
        ("address", artwork),
        ("uint256", epoch),
        ("bytes32", params_hash),
        ("bytes32", parent_head),
        ("bytes32", seed_),
    )


def result_hash(recipe: str, pixel_hash: str, thumb_hash: str, file_hash: str) -> str:
    """keccak256(abi.encode("RESULT_V1", recipeHash, pixelHash, thumbHash, fileHash))."""
    return _hash(
        ("string", "RESULT_V1"),
        ("bytes32", recipe),
        ("bytes32", pixel_hash),
        ("bytes32", thumb_hash),
        ("bytes32", file_hash),
    )


def head(parent_head: str, generation: int, recipe: str, result: str) -> str:
    """keccak256(abi.encode("HEAD_V1", parentHead, generation, recipeHash, resultHash))."""
    return _hash(
        ("string", "HEAD_V1"),
        ("bytes32", parent_head),
        ("uint256", generation),
        ("bytes32", recipe),
        ("bytes32", result),
    )


def commitment(
    chain_id: int,
    worker_set: str,
    epoch: int,
    round_number: int,
    worker: str,
    class_id: str,
    result: str,
    manifest_hash: str,
    salt: str,
) -> str:
    """What a worker commits to before it reveals: keccak256(abi.encode(chainid, workerSet, epoch, round,
    worker, classId, resultHash, manifestHash, salt)).
    """
    return _hash(
        ("uint256", chain_id),
        ("address", worker_set),
        ("uint256", epoch),
        ("uint256", round_number),
        ("address", worker),
        ("bytes32", class_id),
        ("bytes32", result),
        ("bytes32", manifest_hash),
        ("bytes32", salt),
    )


def _hash(*fields: tuple[str, Any]) -> str:
    types = [kind for kind, _ in fields]
    values = [
        bytes.fromhex(value.removeprefix("0x")) if kind == "bytes32" else value for kind, value in fields
    ]
    return "0x" + keccak(encode(types, values)).hex()
