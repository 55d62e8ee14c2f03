"""Columns keep every value exactly, on whatever database the tests run on."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import models
from hypothesis import given
from hypothesis import strategies as st

from chain.fields import UINT256_MAX, ExactSum, HexField, Uint256Field, exact_sum
from chain.models import Block, Log
from tests.chain.tables import Count

ADDRESS = "0x" + "ab" * 20
NUMBERS = [UINT256_MAX, 0, 1, 10**18, 10**18 + 1, 2**255, 2**64, 9, 10]


def make(amounts: list[int]) -> None:
    """One Count for each amount."""
    block = Block.objects.create(number=1, hash="0x" + "11" * 32, parent_hash="0x" + "00" * 32, timestamp=1)
    for index, amount in enumerate(amounts):
        log = Log.objects.create(
            block=block,
            block_hash=block.hash,
            log_index=index,
            tx_hash="0x" + "22" * 32,
            address=ADDRESS,
            contract="Emitter",
            event="Counted",
            topics=[],
            data="0x",
        )
        Count.objects.create(log=log, number=amount, by=ADDRESS, amount=amount, note="")


def check_exactness() -> None:
    """What must hold on every database."""
    make(NUMBERS)
    assert list(Count.objects.order_by("pk").values_list("amount", flat=True)) == NUMBERS
    assert list(Count.objects.order_by("amount").values_list("amount", flat=True)) == sorted(NUMBERS)
    assert Count.objects.get(amount=UINT256_MAX).number == UINT256_MAX
    assert Count.objects.filter(amount__gt=10**18).count() == 4
    assert set(Count.objects.filter(amount__in=[9, 10**18 + 1]).values_list("amount", flat=True)) == {
        9,
        10**18 + 1,
    }
    assert exact_sum(Count.objects.all(), "amount") == sum(NUMBERS) > UINT256_MAX
    assert exact_sum(Count.objects.filter(amount=3), "amount") == 0
    assert exact_sum(Count.objects.none(), "amount") == 0
    [row] = Count.objects.values("by").annotate(weight=ExactSum("amount"))
    assert row == {"by": ADDRESS, "weight": sum(NUMBERS)}
    assert Count.objects.aggregate(some=ExactSum("amount", filter=models.Q(amount__lte=10)))["some"] == 20


def test_uint256_isExactToTheLastUnit(db: None) -> None:
    check_exactness()


@pytest.mark.parametrize("wrong", [-1, UINT256_MAX + 1, 1.0, True, "0x10", "ten"])
def test_uint256_refusesWhatIsNone(wrong: object) -> None:
    with pytest.raises(ValueError):
        Uint256Field().get_prep_value(wrong)


@given(st.lists(st.integers(0, UINT256_MAX), min_size=2))
def test_uint256_textSortsAsNumbersDo(numbers: list[int]) -> None:
    field = Uint256Field()
    texts = [field.get_prep_value(number) for number in numbers]
    assert [int(text) for text in sorted(texts)] == sorted(numbers)
    assert {len(text) for text in texts} == {78}


def test_hex_foldsCaseAndRefusesOtherLengths() -> None:
    field = HexField(20)
    assert field.get_prep_value(ADDRESS.upper().replace("X", "x")) == ADDRESS
    for wrong in (ADDRESS + "00", ADDRESS[2:], "0x" + "zz" * 20):
        with pytest.raises(ValueError):
            field.get_prep_value(wrong)
        with pytest.raises(ValidationError):
            field.clean(wrong, None)
