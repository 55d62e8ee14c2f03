"""Amounts of ether in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chain import ether


@pytest.mark.parametrize(
    ("wei", "words"),
    [
        (0, "0 ether"),
        (1, "0.000000000000000001 ether"),
        (10**16, "0.01 ether"),
        (1500 * 10**18, "1,500 ether"),
        (-(10**17), "−0.1 ether"),
    ],
)
def test_anAmount_isTold(wei: int, words: str):
    assert ether.words(wei) == words


@given(some.integers(0, 2**256 - 1))
def test_noWei_isLost(wei: int):
    whole, _, rest = ether.words(wei).removesuffix(" ether").replace(",", "").partition(".")
    assert int(whole) * ether.WEI + int(rest.ljust(18, "0")) == wei
