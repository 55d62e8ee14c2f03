"""The outbox: what the site itself sends to the chain, each intention once.

`send` is called with a key that names the intention ("seal:5"), as often as the caller likes; `settle` is
called by the tick and finds out what became of what was sent.

    queued --> sending --> sent --> mined       a reorganisation takes mined and reverted back to sent
       |          |          +----> reverted
       +--> failed+          +----> dropped     failed, reverted and dropped may be sent again by their key,
                                                after a pause that doubles with every attempt

Every arrow is one conditional UPDATE, and no database transaction is open while the node is asked anything.
There may be several senders: the operator, and workers that paint. Each has its own nonces and its own key.
A nonce is taken by writing it: the table allows one living transaction for each (sender, nonce). The signed
bytes and their hash are on record before they are sent, so after a crash the very same bytes are sent again,
which cannot do harm.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max, Q
from django.utils import timezone

from chain import abi, deployments, signers
from chain.models import HOLDS_NONCE, IN_FLIGHT, LONGEST_PAUSE, Cursor, Transaction, TransactionState
from chain.rpc import Rpc, RpcError, RpcUnavailable, get_rpc
from chain.signers import SignerMissing

__all__ = ["Transaction", "TransactionState", "send", "settle", "troubles"]

log = logging.getLogger(__name__)

QUEUED, SENDING, SENT = TransactionState.QUEUED, TransactionState.SENDING, TransactionState.SENT
MINED, REVERTED = TransactionState.MINED, TransactionState.REVERTED
FAILED, DROPPED = TransactionState.FAILED, TransactionState.DROPPED
AGAIN = (QUEUED, FAILED, REVERTED, DROPPED)

FIRST_PAUSE = timedelta(seconds=2)
PENNILESS_PAUSE = timedelta(seconds=20)  # until somebody sends ether
STUCK = timedelta(minutes=3)  # unmined for so long: the fees are raised
GAS_MARGIN = 1.25  # the state may have changed until it is mined
GAS_ROOM = 50_000  # two slots: who was estimated as the second writer may come first, after a reorganisation
NO_ETHER = "has too little ether: send it some."
WANTED = timedelta(seconds=5)
RAISE = 1.25  # nodes demand an eighth more for a replacement
TIP = 10**9  # wei; where the node does not suggest one


def send(
    key: str, name: str, function: str, *arguments: Any, sender: str | None = None, value: int = 0
) -> Transaction:
    """Call a function of one of our contracts, once for this `key`. Returns the row, whatever state it is in.

    `sender` is an address whose key we hold (default: the operator's), and `value` the wei that go along. A
    row that is on its way or mined is returned as it is. One that failed, reverted or was dropped is tried
    again when its pause is over, with what this call says. That the node cannot be reached, that a key is
    missing, or that the call would revert, is written to `error` and never raised. Raises DeploymentMissing,
    UnknownArtifact and eth_abi's EncodingError, which no retry would mend. Not for use inside a database
    transaction.
    """
    content = {
        "contract": name,
        "function": function,
        "arguments": abi.as_json(list(arguments)),
        "to": deployments.address_of(name),
        "data": abi.encode_call(name, function, *arguments),
    }
    row, _ = Transaction.objects.get_or_create(key=key, defaults=content)
    if row.state not in AGAIN or not row.is_due():
        return row
    changed = row.data != content["data"] or row.to != content["to"]
    if changed and not Transaction.objects.move(row, *AGAIN, **content):
        return _again(row)
    address = sender or "the operator"
    try:
        rpc = get_rpc().steady()
        signer = signers.configured(rpc) if sender is None else signers.of(rpc, sender)
        address = signer.address
        request = _request(rpc, row, address, value)
        if _take_nonce(rpc, row, signer, request):
            _broadcast(rpc, row)
    except RpcError as error:
        _fail(row, _explained(error, address))
    except (RpcUnavailable, SignerMissing) as error:
        _put_off(row, str(error))
    return _again(row)


def settle() -> None:
    """Look up every transaction whose fate is not final, and send again what the node has lost.

    Raises RpcUnavailable and RpcError: the caller tries again at its next tick.
    """
    cursor = Cursor.current()
    finalized = cursor.finalized_number if cursor else -1
    unsure = Q(state__in=IN_FLIGHT) | Q(state__in=(MINED, REVERTED), block_number__gt=finalized)
    rows = list(Transaction.objects.filter(unsure).order_by("sender", "nonce"))
    if not rows:
        return
    # Nonces first, receipts after: if a nonce is used up and there is still no receipt, somebody else used
    # it. That holds for what one node says, not for one's nonce and another's missing receipt.
    rpc = get_rpc().steady()
    senders = sorted({row.sender for row in rows})
    counts = rpc.batch([("eth_getTransactionCount", [sender, "latest"]) for sender in senders])
    used = {sender: int(count, 16) for sender, count in zip(senders, counts, strict=True)}
    for row in rows:
        receipt = _receipt(rpc, row)
        if receipt is not None:
            _record(rpc, row, receipt)
        else:
            _chase(rpc, row, used[row.sender])


def troubles() -> list[str]:
    """Why transactions that are still wanted are not on their way or not mined: a sentence for each."""
    now = timezone.now()
    # Who still wants one asks for it again when its pause is over; so an old pause is nobody's wish.
    retried = Q(state__in=AGAIN, next_attempt_at__gt=now - WANTED) & ~Q(error="")
    refused = Q(state__in=IN_FLIGHT) & ~Q(error="")
    stuck = Q(state=SENT, sent_at__lt=now - STUCK)
    rows = Transaction.objects.filter(retried | refused | stuck).order_by("pk")
    return [
        f"{row.function} waits: {row.error or 'nobody mines it, and its fees are raised.'}" for row in rows
    ]


# --- Sending -----------------------------------------------------------------------------------------


def _request(rpc: Rpc, row: Transaction, sender: str, value: int) -> dict[str, Any]:
    """All fields but the nonce. Raises RpcError if the call would revert."""
    call = {"from": sender, "to": row.to, "data": row.data, "value": hex(value)}
    # A block of the private chain may be old: what a deadline allows now, it did not allow then.
    block = ["pending"] if settings.PRIVATE_CHAIN else []
    gas = int(int(rpc.call("eth_estimateGas", call, *block), 16) * GAS_MARGIN) + GAS_ROOM
    return call | {"gas": hex(gas), "chainId": rpc.call("eth_chainId")} | _fees(rpc)


def _fees(rpc: Rpc) -> dict[str, str]:
    """EIP-1559 fees with room for six full blocks, or a plain gas price where blocks have no base fee."""
    base = rpc.call("eth_getBlockByNumber", "latest", False).get("baseFeePerGas")
    if base is None:
        return {"gasPrice": rpc.call("eth_gasPrice")}
    try:
        tip = int(rpc.call("eth_maxPriorityFeePerGas"), 16)
    except RpcError:
        tip = TIP
    return {"maxFeePerGas": hex(2 * int(base, 16) + tip), "maxPriorityFeePerGas": hex(tip)}


def _take_nonce(rpc: Rpc, row: Transaction, signer: signers.Signer, request: dict[str, Any]) -> bool:
    """Sign with the next free nonce and move to `sending`. False if another process took this row
    meanwhile.
    """
    while True:
        pending = int(rpc.call("eth_getTransactionCount", signer.address, "pending"), 16)
        ours = Transaction.objects.filter(sender=signer.address, state__in=IN_FLIGHT)
        highest = ours.aggregate(highest=Max("nonce"))["highest"]
        nonce = max(pending, -1 if highest is None else highest + 1)
        # Rows of a chain that lost its end may still hold a nonce that the node gives out again.
        taken = Transaction.objects.filter(sender=signer.address, nonce__gte=nonce, state__in=HOLDS_NONCE)
        lost = list(taken.exclude(pk=row.pk).filter(state__in=(MINED, REVERTED)))
        for other in lost:
            _unmine(other)
        if lost:
            continue
        complete = request | {"nonce": hex(nonce)}
        raw, tx_hash = signer.sign(rpc, complete)
        try:
            with transaction.atomic():
                return Transaction.objects.move(
                    row,
                    *AGAIN,
                    state=SENDING,
                    sender=signer.address,
                    nonce=nonce,
                    request=complete,
                    raw=raw,
                    tx_hash=tx_hash,
                    replaced=[],
                    attempts=row.attempts + 1,
                    next_attempt_at=None,
                    error="",
                    block_number=None,
                    block_hash=None,
                    gas_used=None,
                    sent_at=timezone.now(),
                )
        except IntegrityError:
            log.info("nonce %d was taken by another process", nonce)


def _broadcast(rpc: Rpc, row: Transaction) -> None:
    """Send the signed bytes, for the first time or again."""
    try:
        rpc.call("eth_sendRawTransaction", row.raw)
    except RpcUnavailable as error:
        # It may have arrived: the row stays as it is, and `settle` sends the same bytes again.
        Transaction.objects.move(row, *IN_FLIGHT, error=str(error))
    except RpcError as error:
        if _is_known(error):
            Transaction.objects.move(row, SENDING, state=SENT, error="")
        elif "nonce too low" in error.message.lower():
            # Perhaps it was mined before; `settle` knows, since it looks at receipts after nonces.
            Transaction.objects.move(row, *IN_FLIGHT, error=error.message)
        elif row.state == SENT:  # it was taken once, so its nonce is its own; higher fees may help in time
            Transaction.objects.move(row, SENT, error=error.message)
        else:
            _fail(row, _explained(error, row.sender))
    else:
        Transaction.objects.move(row, *IN_FLIGHT, state=SENT, error="")


def _is_known(error: RpcError) -> bool:
    """Whether the node says that it has this very transaction already."""
    message = error.message.lower()
    return any(words in message for words in ("already known", "already imported", "known transaction"))


# --- Settling ----------------------------------------------------------------------------------------


def _receipt(rpc: Rpc, row: Transaction) -> dict[str, Any] | None:
    """The receipt under the newest hash or one that it replaced."""
    for tx_hash in (row.tx_hash, *row.replaced):
        receipt: dict[str, Any] | None = rpc.call("eth_getTransactionReceipt", tx_hash)
        if receipt is not None and receipt.get("blockNumber"):
            return receipt
    return None


def _record(rpc: Rpc, row: Transaction, receipt: dict[str, Any]) -> None:
    block_hash = receipt["blockHash"].lower()
    if row.state in (MINED, REVERTED) and row.block_hash == block_hash:
        return
    place = {
        "tx_hash": receipt["transactionHash"].lower(),
        "block_number": int(receipt["blockNumber"], 16),
        "block_hash": block_hash,
        "gas_used": int(receipt["gasUsed"], 16),
    }
    living = (*IN_FLIGHT, MINED, REVERTED)
    if int(receipt["status"], 16) == 1:
        Transaction.objects.move(row, *living, state=MINED, error="", **place)
        return
    reason = _why_reverted(rpc, row, place["block_number"], place["gas_used"])
    log.warning("%s reverted: %s", row.key, reason)
    Transaction.objects.move(
        row, *living, state=REVERTED, error=reason, next_attempt_at=_next_attempt(row), **place
    )


def _why_reverted(rpc: Rpc, row: Transaction, block_number: int, gas_used: int) -> str:
    """Run it once more, before and after its block, to learn the reason."""
    if gas_used >= int(row.request["gas"], 16):
        return "ran out of gas"
    call = {name: row.request[name] for name in ("from", "to", "data", "value", "gas")}
    for number in (block_number - 1, block_number):
        try:
            rpc.call("eth_call", call, hex(number))
        except RpcError as error:
            if error.revert_data is not None:
                return abi.explain_revert(error.revert_data)
            return f"reverted; the reason is not to be had: {error.message}"
    return "reverted; the same call reverts neither before nor after its block"


def _chase(rpc: Rpc, row: Transaction, used: int) -> None:
    """There is no receipt: find out whether there will be one."""
    if row.state in (MINED, REVERTED) and not _unmine(row):  # it was, in a block that is gone
        return
    if row.nonce is not None and used > row.nonce:
        if _receipt(rpc, row) is None:
            log.warning("%s was dropped: nonce %d went to another transaction", row.key, row.nonce)
            Transaction.objects.move(
                row,
                *IN_FLIGHT,
                state=DROPPED,
                error=f"another transaction took nonce {row.nonce}",
                next_attempt_at=_next_attempt(row),
            )
        return
    known = rpc.call("eth_getTransactionByHash", row.tx_hash) is not None
    if row.state == SENT and row.sent_at is not None and timezone.now() - row.sent_at > STUCK:
        _raise_fees(rpc, row)
    elif not known:
        log.info("%s is not with the node: sent again", row.key)
        _broadcast(rpc, row)
    else:
        Transaction.objects.move(row, SENDING, state=SENT, error="")


def _unmine(row: Transaction) -> bool:
    return Transaction.objects.move(row, MINED, REVERTED, state=SENT, block_number=None, block_hash=None)


def _raise_fees(rpc: Rpc, row: Transaction) -> None:
    """Replace a transaction that nobody mines by the same one with higher fees."""
    fresh, old = _fees(rpc), row.request
    request = dict(old)
    for name in ("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas"):
        if name in old:
            least = int(int(old[name], 16) * RAISE) + 1
            request[name] = hex(max(least, int(fresh.get(name, "0x0"), 16)))
    try:
        signer = signers.of(rpc, row.sender)
    except SignerMissing as error:  # the key was changed: only its holder can replace it
        Transaction.objects.move(row, SENT, error=str(error))
        return
    raw, tx_hash = signer.sign(rpc, request)
    replaced = [*row.replaced, row.tx_hash]
    log.warning("%s is not mined after %s: fees raised", row.key, STUCK)
    if Transaction.objects.move(
        row, SENT, request=request, raw=raw, tx_hash=tx_hash, replaced=replaced, sent_at=timezone.now()
    ):
        _broadcast(rpc, row)


# --- Failing -----------------------------------------------------------------------------------------


def _explained(error: RpcError, sender: str) -> str:
    if _is_penniless(error.message):
        return f"The account {sender} {NO_ETHER}"
    data = error.revert_data
    return error.message if data is None or (data == "0x" and error.message) else abi.explain_revert(data)


def _is_penniless(reason: str) -> bool:
    """Whether the node says that the sender can't pay; the second is geth's word when it estimates."""
    return any(words in reason.lower() for words in ("insufficient funds", "gas required exceeds allowance"))


def _fail(row: Transaction, reason: str) -> None:
    """The node refused it: it was not sent, and holds no nonce."""
    if row.error != reason:
        log.warning("%s was refused: %s", row.key, reason)
    attempts = row.attempts if row.state == SENDING else row.attempts + 1
    row.attempts = attempts
    Transaction.objects.move(
        row,
        *AGAIN,
        SENDING,
        state=FAILED,
        error=reason,
        attempts=attempts,
        nonce=None,
        next_attempt_at=_next_attempt(row, PENNILESS_PAUSE if reason.endswith(NO_ETHER) else LONGEST_PAUSE),
    )


def _put_off(row: Transaction, reason: str) -> None:
    """It could not be tried. That is no attempt of its own."""
    if row.error != reason:
        log.warning("%s waits: %s", row.key, reason)
    Transaction.objects.move(row, *AGAIN, error=reason, next_attempt_at=timezone.now() + FIRST_PAUSE)


def _next_attempt(row: Transaction, longest: timedelta = LONGEST_PAUSE) -> Any:
    pause = FIRST_PAUSE * 2 ** min(row.attempts - 1, 10) if row.attempts else FIRST_PAUSE
    return timezone.now() + min(pause, longest)


def _again(row: Transaction) -> Transaction:
    row.refresh_from_db()
    return row
