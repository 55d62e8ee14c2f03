"""The bits of a block's bloom are those that real nodes set."""

from __future__ import annotations

from chain import bloom
from tests.chain.node import Node

# go-ethereum's own example (core/types/bloom9_test.go, TestBloom), whose values are raw bytes.
POSITIVE = [b"testtest", b"test", b"hallo", b"other"]
NEGATIVE = [b"tes", b"lo"]


def text(value: bytes) -> str:
    return "0x" + value.hex()


def test_mask_tellsGethsExamplesApart() -> None:
    bits = bloom.of_values(text(value) for value in POSITIVE)
    assert all(bloom.may_hold(bits, [bloom.mask(text(value))]) for value in POSITIVE)
    assert not any(bloom.may_hold(bits, [bloom.mask(text(value))]) for value in NEGATIVE)


def test_mask_hasThreeBitsAtMost() -> None:
    assert all(1 <= bloom.mask(f"0x{number:064x}").bit_count() <= 3 for number in range(500))


def test_of_isWhatARealNodeWrites(node: Node) -> None:
    """Every block's header against the bloom of all its logs, of our contract and of another."""
    stranger = Node(node.chain)
    point = {"x": -1, "tag": "0xdeadbeef", "names": ["one"]}
    node.send("count", 1, 5, "a note")
    node.send("countMany", 7, 20, 1)
    node.send("shape", "0x" + "11" * 32, "a label", point, "0x0102")
    node.send("tick")
    stranger.send("count", 2**255, 5, "", by=2)
    node.rpc.call("evm_setAutomine", False)
    for emitter in (node, stranger, node):
        node.rpc.call("eth_sendTransaction", emitter.call_of("countMany", 100, 3, 1))
    node.chain.mine()
    node.rpc.call("evm_setAutomine", True)
    full = 0
    for number in range(node.head + 1):
        block = node.block(number)
        logs = node.rpc.call("eth_getLogs", {"blockHash": block["hash"]})
        filled = bloom.of((log["address"], log["topics"]) for log in logs)
        assert filled == int(block["logsBloom"], 16)
        full += bool(filled)
    assert full == 6
    assert int(node.block("latest")["logsBloom"], 16).bit_count() > 12
