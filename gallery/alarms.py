"""What to say when the mirror stands still: to a visitor, and to whoever can mend it.

`Cursor.error` begins with the name of what happened, and goes on in the program's words. Here each name has
its sentence for every page, what it means for them, and what helps (a table in docs/indexing.md).
"""

from __future__ import annotations

from dataclasses import dataclass

_ITSELF = "The site tries again by itself, with pauses of a few seconds, for as long as it takes."


@dataclass(frozen=True)
class Alarm:
    """Why the mirror does not move.

    `title` in a few words; `line` is the sentence on every page; `meaning` what it does to these pages;
    `remedy` what the operator can do; `detail` the program's own words, with no key in them.
    """

    kind: str
    title: str
    line: str
    meaning: str
    remedy: str
    detail: str = ""


_KNOWN = {
    alarm.kind: alarm
    for alarm in (
        Alarm(
            "RpcUnavailable",
            "No node answers",
            "No node of the chain answers at the moment, so this page may be behind.",
            f"These pages show the chain as it was. {_ITSELF}",
            "Wait, or mend the node; another node's address can be added to CHAIN_RPC_URL.",
        ),
        Alarm(
            "RpcError",
            "The node refuses",
            "The chain’s node refuses to answer, so this page may be behind.",
            f"These pages show the chain as it was. {_ITSELF}",
            "Read the node's own words. If it knows no `finalized` block, set CHAIN_FINALITY_DEPTH; if it "
            "keeps too little of the past, name one that keeps all logs in CHAIN_RPC_URL.",
        ),
        Alarm(
            "Unsettled",
            "The node contradicts itself",
            "The chain’s node contradicts itself, so this page stops before what is in doubt.",
            f"These pages are checked; newer blocks wait until the node agrees with itself. {_ITSELF}",
            "Look at the node: it may be syncing, or be several behind one address. Name another one in "
            "CHAIN_RPC_URL.",
        ),
        Alarm(
            "Doubtful",
            "An answer cannot be proved",
            "The chain’s nodes leave something out, so this page stops before what is in doubt.",
            "What these pages show is complete. The next block's header speaks of events that no node gives. "
            + _ITSELF,
            "Add a node of another operator to CHAIN_RPC_URL: the first answer that fits is taken.",
        ),
        Alarm(
            "Contradiction",
            "A node denies what was final",
            "The chain’s nodes disagree about blocks that were final, so this page shows how it was before.",
            "One node has another chain since a block that was final, and the node that could tell which is "
            "right does not answer. It is waited for, a minute at most; then these pages go with the chain "
            "that is there.",
            "Bring the silent node back, or take the one that is on another fork out of CHAIN_RPC_URL.",
        ),
        Alarm(
            "Starting",
            "The indexer has just started",
            "The site is looking at the chain again, so this page may be behind.",
            "These pages show what was read before the indexer started. The first answer of a node tells "
            "whether the chain is still the same.",
            "Wait for it; if it stays, the node does not answer.",
        ),
        Alarm(
            "Contradiction",
            "A node denies what was final",
            "The chain’s nodes contradict each other about what was final, so this page waits as it is.",
            "One node has another block in the place of one that was final. Nothing is taken back before the "
            "others have been asked, or have been silent for a minute.",
            "Bring the silent nodes back. Look at the one that is named: it may be of a fork of its own.",
        ),
        Alarm(
            "Starting",
            "The mirror has just started",
            "The site has just started, and is looking whether this page still agrees with the chain.",
            "What is stored is held against a node before it is called right. That takes a moment.",
            "Wait. If it stays like this, no node answers.",
        ),
        Alarm(
            "Overtaken",
            "Two indexers are at work",
            "The site is taken up with itself at the moment, so this page may be behind.",
            "Nothing is wrong with what these pages show: each step of the other one is checked as well.",
            "Run one indexer on a database.",
        ),
        Alarm(
            "UndecodableLog",
            "An event cannot be read",
            "The chain holds something that this site cannot read, so its pages end just before it.",
            "Nothing is skipped: these pages end before the block with that event until it can be read.",
            "The ABI is not that contract's: mend `contracts/abi` or the deployment file. The block is taken "
            "up again by itself.",
        ),
        Alarm(
            "HandlerFailed",
            "An event could not be taken in",
            "The site could not take in something that happened on the chain, so its pages end before it.",
            "Nothing is skipped: these pages end before that block, and it is tried again every few seconds.",
            "The handler that is named raised: mend it. The block is taken up again by itself.",
        ),
        Alarm(
            "WrongChain",
            "This is another chain",
            "The site is connected to another chain, so this page shows how it was before.",
            "Nothing is read from a chain that is not the artwork's. These pages show what was read before.",
            "Set CHAIN_RPC_URL to a node of the deployment's chain. If the chain itself began anew, deploy "
            "the contracts to it and run `manage.py rebuild`.",
        ),
        Alarm(
            "WrongChain reset",
            "The node began a new chain",
            "The chain that this page tells of is not there at the moment; this is how it was before.",
            "The node has the right chain's number, but another first block: it was reset. Nothing that was "
            "read before is on it, and nothing on it is read.",
            "Bring the node's old data back, or name another node in CHAIN_RPC_URL. To begin anew on the new "
            "chain, deploy the contracts again and run `manage.py rebuild`.",
        ),
        Alarm(
            "ChainBehind",
            "The node has not got there yet",
            "The chain’s node is still catching up itself, so this page may be behind.",
            "The node's chain ends before the artwork begins, or before what was read already: it is still "
            "reading its own past.",
            "Wait until the node has synced, or name another one in CHAIN_RPC_URL.",
        ),
        Alarm(
            "DeploymentMissing",
            "The contracts are not known",
            "This site does not know yet where the artwork is on the chain.",
            "There is no file that says where the contracts are.",
            "Run `manage.py deploy`, or set DEPLOYMENT_FILE to the file that it wrote.",
        ),
    )
}


def of(error: str) -> Alarm:
    """The alarm for what `Cursor.error` says. What has no entry here is told in general words."""
    kind, _, detail = error.partition(": ")
    known = _KNOWN.get(f"{kind} reset" if "another genesis block" in detail else kind)
    if known is None:
        return Alarm(
            kind if kind.isidentifier() else "",
            "The mirror stands still",
            "This page may be behind: the site can’t follow the chain at the moment.",
            f"These pages show the chain as it was. {_ITSELF}",
            "Read the sentence below, and the log of the process `manage.py index`.",
            error,
        )
    return Alarm(kind, known.title, known.line, known.meaning, known.remedy, detail)
