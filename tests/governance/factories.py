"""Rows as handlers would make them, without a chain: each with its block and its log."""

from __future__ import annotations

import itertools
from typing import Any

from chain.models import Block, Log
from governance import models
from governance.parameters import PARAMETERS, Value, encode

MIRA, INES, TOMAS, YUKI = (
    "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
    "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
    "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
    "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65",
)
TREASURY = "0x" + "77" * 20
ZERO = "0x" + "00" * 20
PARAMETERS_AT = "0x" + "a1" * 20
_counter = itertools.count(1)

VALUES: dict[str, Value] = {
    "model": "0x" + "5e" * 32,
    "prompt": "an unfolding flower",
    "negative_prompt": "",
    "family": "petals",
    "palette": "ocean",
    "mood": "calm",
    "guidance": 4500,
    "steps": 20,
    "strength": 620,
    "width": 512,
    "height": 512,
    "epoch_length": 90,
    "energy_budget": 0,
}


def hash32() -> str:
    return f"0x{next(_counter):064x}"


def block(at: int, number: int | None = None) -> Block:
    """A block at chain time `at`; numbers rise with every call unless one is given."""
    return Block.objects.create(
        number=number if number is not None else next(_counter),
        hash=hash32(),
        parent_hash=hash32(),
        timestamp=at,
    )


def place(where: Block, tx_hash: str | None = None) -> dict[str, Any]:
    """What every row needs: a log in `where` and its place."""
    index = where.logs.count()
    log = Log.objects.create(
        block=where,
        block_hash=where.hash,
        log_index=index,
        tx_hash=tx_hash or hash32(),
        address=TREASURY,
        contract="Any",
        event="Any",
        topics=[],
        data="0x",
    )
    return {"log": log, "block_number": where.number, "log_index": index, "at": where.timestamp}


def votes(delegate: str, previous: int, current: int, at: int) -> models.VotesChanged:
    return models.VotesChanged.objects.create(
        **place(block(at)), delegate=delegate, previous=previous, current=current
    )


def token(token_id: int, to: str, at: int, sender: str = ZERO) -> models.TokenTransfer:
    return models.TokenTransfer.objects.create(
        **place(block(at)), sender=sender, recipient=to, token_id=token_id
    )


def setting(kind: str, value: int, at: int) -> models.GovernorSetting:
    return models.GovernorSetting.objects.create(**place(block(at)), kind=kind, value=value)


def parameters(version: int = 1, at: int = 10, tx_hash: str | None = None, **values: Value) -> None:
    """Set `values`, or all of `VALUES` with version 1."""
    where = block(at)
    for parameter in PARAMETERS:
        if parameter.key in (values or VALUES):
            value = (values or VALUES)[parameter.key]
            models.ParameterChange.objects.create(
                **place(where, tx_hash),
                version=version,
                key=parameter.key,
                value=encode(parameter.key, value),
            )


def proposal(at: int = 1000, **fields: Any) -> models.Proposal:
    """Proposed at `at`, voting from at + 1 to at + 61 seconds."""
    number = next(_counter)
    defaults: dict[str, Any] = {
        "id": number * 10**60,
        "proposer": MIRA,
        "targets": [PARAMETERS_AT],
        "values": ["0"],
        "calldatas": ["0x12345678"],
        "description": f"# Proposal {number}\n\nBecause.\n\n#proposer={MIRA}",
        "description_hash": hash32(),
        "operation_id": hash32(),
        "voting_starts": at + 1,
        "voting_ends": at + 61,
    }
    return models.Proposal.objects.create(**place(block(at)), **{**defaults, **fields})


def vote(
    on: models.Proposal, voter: str, support: int, weight: int, at: int, reason: str = ""
) -> models.Vote:
    return models.Vote.objects.create(
        **place(block(at)), proposal=on, voter=voter, support=support, weight=weight, reason=reason
    )


def electorate(at: int = 1) -> None:
    """As founded: two tokens each for Mira and Ines, one each for Tomas and Yuki; 10 % quorum."""
    for number, owner in enumerate([MIRA, MIRA, INES, INES, TOMAS, YUKI], start=1):
        token(number, owner, at)
    for owner, count in ((MIRA, 2), (INES, 2), (TOMAS, 1), (YUKI, 1)):
        votes(owner, 0, count, at)
    Kind = models.GovernorSetting.Kind
    for kind, value in (
        (Kind.QUORUM_NUMERATOR, 10),
        (Kind.MIN_VOTES, 1),
        (Kind.VOTING_PERIOD, 60),
        (Kind.TIMELOCK_DELAY, 10),
        (Kind.PROPOSAL_THRESHOLD, 1),
    ):
        setting(kind, value, at)


def model(
    model_id: str | None = None,
    at: int = 5,
    status: models.ModelStanding | None = models.ModelStanding.ACTIVE,
    **fields: Any,
) -> models.RegisteredModel:
    """A model of the registry, active unless another status is given."""
    where = block(at)
    row = model_in(where, model_id, **fields)
    if status is not None:
        models.ModelStatus.objects.create(**place(where), model_id=row.model_id, status=status)
    return row


def model_in(where: Block, model_id: str | None = None, **fields: Any) -> models.RegisteredModel:
    """A model that is registered in a block, and not more."""
    defaults: dict[str, Any] = {
        "tensor_root": hash32(),
        "card_hash": hash32(),
        "audit_hash": hash32(),
        "parent": "0x" + "00" * 32,
        "tier": models.ModelTier.OPEN_SOURCE,
        "royalty_receiver": ZERO,
        "milli_joules": 0,
        "uri": "https://example.org/painters/tree/v1/weights/genesis",
        "licence": "Apache-2.0",
        "pipeline_class": "StableDiffusionPipeline",
    }
    return models.RegisteredModel.objects.create(
        **place(where), model_id=model_id or hash32(), **{**defaults, **fields}
    )


def model_status(model_id: str, status: models.ModelStanding, at: int) -> models.ModelStatus:
    return models.ModelStatus.objects.create(**place(block(at)), model_id=model_id, status=status)
