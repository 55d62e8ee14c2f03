"""The timelock's id of a proposal's calls, which is encoded by hand, against eth_abi."""

from __future__ import annotations

import eth_abi
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.handlers import operation_id

words = st.binary(min_size=32, max_size=32)
accounts = st.binary(min_size=20, max_size=20)
calls = st.lists(st.tuples(accounts, st.integers(0, 2**256 - 1), st.binary(max_size=100)), max_size=4)


@settings(max_examples=100, deadline=None)
@given(accounts, calls, words)
def test_operationId_isTheTimelocks(
    governor: bytes, made: list[tuple[bytes, int, bytes]], text: bytes
) -> None:
    salt = bytes(a ^ b for a, b in zip(governor.ljust(32, b"\0"), text, strict=True))
    packed = eth_abi.encode(
        ["address[]", "uint256[]", "bytes[]", "bytes32", "bytes32"],
        [[one[0] for one in made], [one[1] for one in made], [one[2] for one in made], bytes(32), salt],
    )
    found = operation_id(
        "0x" + governor.hex(),
        ["0x" + one[0].hex() for one in made],
        [one[1] for one in made],
        ["0x" + one[2].hex() for one in made],
        "0x" + text.hex(),
    )
    assert found == "0x" + keccak(packed).hex()
