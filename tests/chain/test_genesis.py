"""A private chain that is started again is the same chain."""

from pathlib import Path

from chain.anvil import genesis_of
from chain.private import PrivateChain


def test_a_restored_chain_keeps_its_first_block(tmp_path: Path):
    # When it loads, Anvil makes a block 0 of its own, and shows either by chance: hence five tries.
    chain = PrivateChain(tmp_path / "chain")
    chain.start(timestamp=1_700_000_000)
    try:
        genesis = genesis_of(chain.rpc)
        assert genesis[1] == 1_700_000_000
        chain.mine()
        for _ in range(5):
            chain.stop()
            chain.start()
            assert genesis_of(chain.rpc) == genesis
    finally:
        chain.stop()
