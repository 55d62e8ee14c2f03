"""What a worker says of a painting beside its pixels: where, with what, how long, with how much energy.

A manifest is a JSON object; its canonical bytes are hashed (keccak256) into the worker's commitment, so that
nobody can say something else afterwards. It differs from worker to worker and is not part of what they must
agree on. It is *attested*: signed for, not proved.

`manifest` makes ours, `keep` stores one; `read` checks anybody's against what its worker revealed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from eth_utils import keccak

from chain import deployments
from compute import commitments
from compute.models import Attestation, Rendering
from studio import energy as studio_energy

VERSION = "ATTESTATION_V1"

LONGEST = 16 * 1024
"""Bytes of a manifest that is read at all; ours take about one and a half thousand."""
LONGEST_TEXT = 500
MOST_ENTRIES = 64
LARGEST = 2**53
"""Beyond it an integer is no longer exact everywhere that JSON is read."""

_HASH = re.compile(r"0x[0-9a-f]{64}")
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")
_DECIMAL = re.compile(r"\d{1,20}(\.\d{1,20})?")

_HASHES = ("class", "recipe_hash", "result_hash", "pixel_hash", "thumb_hash", "file_hash", "model")
_NUMBERS = ("chain_id", "epoch", "round")
_ADDRESSES = ("worker_set", "worker")
_KEYS = {"version", "environment", "energy", "seconds", *_HASHES, *_NUMBERS, *_ADDRESSES}
_MEASURED = {"joules", "method", "basis", "idle_subtracted", "pue", "grid_intensity", "source"}


class BadManifest(ValueError):
    """It is no manifest, or not the one that its worker revealed; the message says why."""


class Revealed(NamedTuple):
    """What the chain says of a reveal, which its manifest must say too. 0x text in lower case."""

    chain_id: int
    worker_set: str
    epoch: int
    round: int
    worker: str
    class_id: str
    result_hash: str
    pixel_hash: str
    thumb_hash: str
    file_hash: str
    manifest_hash: str


def manifest(job: Rendering, worker: str, class_id: str, round_number: int | None = None) -> dict[str, Any]:
    """What `worker` (an address) says of a finished painting, in a round (the job's own by default).

    ValueError for a job that isn't painted.
    """
    picture = job.picture
    if picture is None or job.seconds is None:
        raise ValueError(f"the painting for epoch {job.epoch_number} is not done")
    deployment = deployments.load()
    hashes = (picture.pixel_hash, picture.thumb_hash, picture.file_hash)
    return {
        "version": VERSION,
        "chain_id": deployment.chain_id,
        "worker_set": deployment.address_of("WorkerSet"),
        "epoch": job.epoch_number,
        "round": job.round if round_number is None else round_number,
        "worker": worker.lower(),
        "class": class_id,
        "recipe_hash": job.recipe_hash,
        "result_hash": commitments.result_hash(job.recipe_hash, *hashes),
        "pixel_hash": picture.pixel_hash,
        "thumb_hash": picture.thumb_hash,
        "file_hash": picture.file_hash,
        "model": job.recipe["model"],
        "environment": _plain(job.environment),
        "energy": _plain(job.energy or studio_energy.unknown("it was not recorded")),
        "seconds": decimal(job.seconds),
    }


def canonical(manifest: Mapping[str, Any]) -> bytes:
    """The one spelling of a manifest: JSON with sorted keys, no spaces, UTF-8.

    ValueError for what has more than one spelling or none: a fraction (write it as text), a lone surrogate.
    """
    _refuse_fractions(manifest)
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def manifest_hash(manifest: Mapping[str, Any]) -> str:
    """keccak256 of the canonical bytes, as 0x text."""
    return hash_of(canonical(manifest))


def hash_of(data: bytes) -> str:
    """keccak256 of a manifest's bytes, as 0x text."""
    return "0x" + keccak(data).hex()


def keep(manifest: Mapping[str, Any]) -> Attestation:
    """Store a manifest under its hash; twice is once."""
    data = canonical(manifest)
    row, _made = Attestation.objects.get_or_create(
        manifest_hash=hash_of(data),
        defaults={
            "body": data.decode(),
            "worker": manifest["worker"],
            "epoch": manifest["epoch"],
            "recipe_hash": manifest["recipe_hash"],
        },
    )
    return row


def read(data: bytes, revealed: Revealed) -> dict[str, Any]:
    """The manifest in these bytes, which may be from anywhere. Raises BadManifest unless it is well formed,
    canonical, the one whose hash was revealed, and says what the reveal says.
    """
    if len(data) > LONGEST:
        raise BadManifest(f"it has {len(data)} bytes; at most {LONGEST} are read")
    found = hash_of(data)
    if found != revealed.manifest_hash:
        raise BadManifest(f"its hash is {found}; {revealed.manifest_hash} was revealed")
    manifest = parse(data)
    said = {
        "chain_id": revealed.chain_id,
        "worker_set": revealed.worker_set,
        "epoch": revealed.epoch,
        "round": revealed.round,
        "worker": revealed.worker,
        "class": revealed.class_id,
        "result_hash": revealed.result_hash,
        "pixel_hash": revealed.pixel_hash,
        "thumb_hash": revealed.thumb_hash,
        "file_hash": revealed.file_hash,
    }
    for key, value in said.items():
        if manifest[key] != value:
            raise BadManifest(f"it says {key} {manifest[key]}, and what was revealed is {value}")
    hashes = (manifest["pixel_hash"], manifest["thumb_hash"], manifest["file_hash"])
    if commitments.result_hash(manifest["recipe_hash"], *hashes) != manifest["result_hash"]:
        raise BadManifest("its result hash is not that of its recipe and picture")
    return manifest


def parse(data: bytes) -> dict[str, Any]:
    """A manifest from its canonical bytes, checked for its shape alone. Raises BadManifest."""
    try:
        manifest = json.loads(data.decode())
        if not isinstance(manifest, dict) or canonical(manifest) != data:
            raise BadManifest("it is not in the canonical spelling")
    except BadManifest:
        raise
    except (ValueError, RecursionError) as error:
        raise BadManifest(f"it is no manifest: {error}") from error
    if manifest.get("version") != VERSION:
        raise BadManifest(f"its version is {str(manifest.get('version'))[:40]!r}, not {VERSION}")
    if set(manifest) != _KEYS:
        odd = sorted(set(manifest) ^ _KEYS)
        raise BadManifest(f"keys are missing or unknown: {', '.join(odd)[:200]}")
    for keys, good, what in (
        (_HASHES, lambda value: _is_text(value, _HASH), "32 bytes as 0x text"),
        (_ADDRESSES, lambda value: _is_text(value, _ADDRESS), "an address as 0x text"),
        (_NUMBERS, _is_count, "a whole number"),
        (("seconds",), lambda value: _is_text(value, _DECIMAL), "a decimal as text"),
        (("environment",), _is_table, f"a table of at most {MOST_ENTRIES} short entries"),
        (("energy",), _is_energy, "an energy with its method"),
    ):
        for key in keys:
            if not good(manifest[key]):
                raise BadManifest(f"its {key} is not {what}")
    return manifest


def decimal(number: float) -> str:
    """A number as decimal text, six digits that count and no exponent: what is not 0 never becomes 0."""
    told = Decimal(f"{number:.6g}")
    return f"{told:f}"


def _plain(value: Any) -> Any:
    """A JSON value with its fractions as decimal text."""
    if isinstance(value, float):
        return decimal(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _refuse_fractions(value: Any) -> None:
    if isinstance(value, float):
        raise ValueError(f"{value} is a fraction: its spelling differs between programs")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key is no text")
        for one in value.values():
            _refuse_fractions(one)
    elif isinstance(value, list | tuple):
        for one in value:
            _refuse_fractions(one)


def _is_text(value: Any, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_short(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_TEXT
    return value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) <= LARGEST)


def _is_table(value: Any) -> bool:
    """Names to texts, whole numbers, true, false, nothing, or lists of those."""
    return (
        isinstance(value, dict)
        and len(value) <= MOST_ENTRIES
        and all(_is_short(key) for key in value)
        and all(
            _is_short(one)
            or (isinstance(one, list) and len(one) <= MOST_ENTRIES and all(map(_is_short, one)))
            for one in value.values()
        )
    )


def _is_energy(value: Any) -> bool:
    """Measured or estimated with all that belongs to it, or unknown with a reason; joules are never 0."""
    if not isinstance(value, dict) or not all(map(_is_short, value.values())):
        return False
    if value.get("method") == studio_energy.UNKNOWN:
        return set(value) == {"method", "reason"} and isinstance(value["reason"], str)
    return (
        set(value) == _MEASURED
        and value["method"] in studio_energy.METHODS
        and _is_text(value["joules"], _DECIMAL)
        and Decimal(value["joules"]) > 0
        and isinstance(value["idle_subtracted"], bool)
        and isinstance(value["basis"], str)
        and isinstance(value["source"], str)
        and all(
            value[key] == "unknown" or _is_text(value[key], _DECIMAL) for key in ("pue", "grid_intensity")
        )
    )
