"""Deleting blocks in SQL alone against Django's own `delete()`, over every table that hangs on them."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import models, transaction

from chain import cascade
from chain.models import Block
from compute import models as painters
from gallery.models import Epoch, Failure, Generation, Round, Sealing, SeedDraw, SeedRefix, SlotChange
from governance import models as governed
from tests.governance import factories
from tests.governance.factories import MIRA, hash32, place

pytestmark = pytest.mark.django_db


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all apps."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for label in ("chain", "governance", "compute", "gallery"):
        for model in apps.get_app_config(label).get_models():
            if model._meta.managed:
                found[model._meta.label] = sorted(
                    tuple(map(str, row)) for row in model._base_manager.values_list()
                )
    return found


def workers(where: Block, number: int) -> None:
    """A row of each table that the set of workers is mirrored into."""
    one, epoch, slash = {"worker": MIRA}, {"epoch": number}, {"slash_id": number}
    round_, amount, result = {**epoch, "round": 1}, {"amount": 1}, {"result_hash": hash32()}
    hashes = ("pixel_hash", "thumb_hash", "file_hash", "manifest_hash")
    until = {"commit_until": 1, "reveal_until": 2, "deadline": 3}
    wei = ("min_bond", "render_fee", "silence_slash", "mismatch_slash", "max_gas_price")
    rest = ("quorum", "commit_milli", "reveal_milli", "exit_delay", "challenge_period", "resolve_period")
    rows: list[tuple[type[models.Model], dict[str, Any]]] = [
        (painters.Registration, {**one, "class_id": hash32(), "first_epoch": 1}),
        (painters.UriChange, {**one, "uri": "https://example.org"}),
        (painters.BondChange, {**one, "bond": 1, "reason": "add"}),
        (painters.ExitRequest, {**one, "last_epoch": 1, "withdrawable_at": 1}),
        (painters.Drop, {**one, "last_epoch": 1}),
        (painters.Return, {**one, "first_epoch": 1}),
        (painters.RulesChange, dict.fromkeys((*wei, *rest), 1)),
        (painters.ClassListing, {"class_id": hash32(), "listed": True}),
        (painters.AcceptedClassChange, {"previous": hash32(), "current": hash32()}),
        (painters.Acceptance, {**epoch, "accepted_class": hash32(), "quorum": 2, "eligible": 3, "fee": 1}),
        (painters.Window, {**round_, **until}),
        (painters.Opening, round_),
        (painters.Commitment, {**round_, **one, "class_id": hash32(), "commitment": hash32()}),
        (
            painters.Reveal,
            {**round_, **one, **result, **{name: hash32() for name in hashes}, "counted": True},
        ),
        (
            painters.Finalization,
            {**epoch, **result, "generation": 1, "winners": 2, "by": MIRA, "reimbursed": 1},
        ),
        (painters.FeeCredit, {**one, **epoch, **amount}),
        (painters.FeeRelease, {**epoch, **amount}),
        (painters.Slash, {**slash, **one, **round_, **amount, "reason": "silence", "challenge_until": 0}),
        (painters.Challenge, {**slash, **one, "uri": "", "decide_until": 1}),
        (painters.Settlement, {**slash, **one, **amount, "upheld": True}),
        (painters.PoolChange, {"pool": 1, "reason": "funded"}),
        (painters.Credit, {"account": MIRA, **amount, "reason": "fee"}),
        (painters.CreditWithdrawal, {"account": MIRA, "to": MIRA, **amount}),
    ]
    for model, values in rows:
        model._default_manager.create(**place(where), **values)


def proposal(where: Block, number: int) -> governed.Proposal:
    return governed.Proposal.objects.create(
        **place(where),
        id=number,
        proposer=MIRA,
        targets=[],
        values=[],
        calldatas=[],
        description="",
        description_hash=hash32(),
        operation_id=hash32(),
        voting_starts=1,
        voting_ends=2,
    )


def vote(where: Block, on: governed.Proposal, voter: str) -> None:
    governed.Vote.objects.create(**place(where), proposal=on, voter=voter, support=1, weight=1)


def log_in(where: Block) -> dict[str, Any]:
    return {"log": place(where)["log"]}


def world() -> tuple[Block, ...]:
    """Three blocks with a row of every kind in each, some pointing at rows of earlier blocks."""
    blocks = tuple(factories.block(100 + number, 1000 + number) for number in range(3))
    first: governed.Proposal | None = None
    for number, where in enumerate(blocks):
        one = proposal(where, 10 + number)
        first = first or one
        vote(where, one, MIRA)
        vote(where, first, "0x" + hash32()[-40:])
        governed.ProposalExtended.objects.create(**place(where), proposal=one, voting_ends=3)
        governed.ProposalQueued.objects.create(**place(where), proposal=one, eta=3)
        governed.ProposalExecuted.objects.create(**place(where), proposal=one)
        governed.ProposalCanceled.objects.create(**place(where), proposal=one)
        governed.OperationExecuted.objects.create(**place(where), operation_id=hash32(), index=0)
        governed.OperationCancelled.objects.create(**place(where), operation_id=hash32())
        governed.ParameterChange.objects.create(**place(where), version=number, key="mood", value="0x")
        governed.TokenTransfer.objects.create(**place(where), sender=MIRA, recipient=MIRA, token_id=number)
        governed.Delegation.objects.create(**place(where), delegator=MIRA, previous=MIRA, current=MIRA)
        governed.VotesChanged.objects.create(**place(where), delegate=MIRA, previous=0, current=1)
        governed.Exclusion.objects.create(**place(where), account=MIRA, excluded=True)
        governed.GovernorSetting.objects.create(**place(where), kind="min_votes", value=1)
        factories.model_in(where)
        governed.ModelStatus.objects.create(**place(where), model_id=hash32(), status=2)
        governed.RoyaltyReceiver.objects.create(**place(where), model_id=hash32(), receiver=MIRA)
        workers(where, number)
        epoch = Epoch.objects.create(number=number, ends_at=1, **log_in(where))
        begun = Epoch.objects.get(number=0)
        words = {
            "params_version": 1,
            "params_hash": hash32(),
            "parent_head": hash32(),
            "source": MIRA,
            "round": 1,
        }
        Sealing.objects.create(epoch=epoch, **words, **log_in(where))
        draw = {"seed": hash32(), "randomness": hash32(), "recipe_hash": hash32()}
        SeedDraw.objects.create(epoch=epoch, **draw, **log_in(where))
        SeedRefix.objects.create(epoch=begun, round=1, count=number, **log_in(where))
        Round.objects.create(epoch=begun, round=number, painter=MIRA, deadline=1, **log_in(where))
        Failure.objects.create(epoch=epoch, reason="seed", **log_in(where))
        SlotChange.objects.create(slot="painter", previous=MIRA, current=MIRA, **log_in(where))
        hashes = ("model_id", "parent", "seed", "recipe_hash", "result_hash", "pixel_hash", "file_hash")
        Generation.objects.create(
            number=number,
            epoch_number=number,
            painter=MIRA,
            founding=False,
            **{name: hash32() for name in hashes},
            **log_in(where),
        )
    return blocks


def test_theWorldHasEveryTableThatHangsOnABlock() -> None:
    """Else the comparison below would not look at the one that is missing: add it to `world`."""
    world()
    hanging = {step.path[0].model for step in cascade._steps(Block)}
    assert {governed.Vote, governed.Proposal, Epoch, Generation} < hanging
    ours = {model for model in hanging if not model._meta.db_table.startswith("test_")}
    assert [model.__name__ for model in ours if not model._base_manager.exists()] == []


@pytest.mark.parametrize("above", [1002, 1001, 1000, 0])
def test_whatDjangoDeletes_isDeleted(above: int) -> None:
    world()
    doomed = Block.objects.filter(number__gt=above)
    with transaction.atomic():
        doomed.delete()
        wanted = everything()
        transaction.set_rollback(True)
    assert cascade.delete(doomed) == {1002: 0, 1001: 1, 1000: 2, 0: 3}[above]
    assert everything() == wanted


def test_everyKeyToALog_goesWithIt() -> None:
    """No table keeps a row whose log is gone: the database does not check it, the cascade must."""
    world()
    cascade.delete(Block.objects.filter(number__gt=1000))
    for step in cascade._steps(Block):
        key = step.path[0]
        if key.remote_field.on_delete is models.CASCADE:
            there = key.related_model._base_manager.values(key.target_field.attname)
            assert not key.model._base_manager.exclude(**{f"{key.name}__in": there}).exists(), key
