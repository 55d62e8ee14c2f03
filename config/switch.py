"""The production switch: which settings go together, asked by each process before it does anything.

One process (`make run`) needs none of the settings. Separate processes meet only in a database server, in
Redis and on a chain, and a missing one would show up late and far from its cause: as votes that nobody
counts, pages that do not move, a picture that is never anchored. So a process refuses to start, with a
sentence that says what to do.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, NoReturn

from django.conf import settings
from django.core import checks

from chain import deployments, signers
from chain.anvil import CHAIN_ID, Running
from chain.deployments import DeploymentMissing
from chain.rpc import Rpc, RpcError, RpcUnavailable, addresses, told_apart, without_secrets
from chain.signers import SignerMissing

log = logging.getLogger(__name__)

Role = Literal["embedded", "operator", "web", "indexer", "beat", "control", "paint"]
SEPARATE: tuple[Role, ...] = ("web", "indexer", "beat", "control", "paint")
EX_CONFIG = 78
"""sysexits.h: a configuration error. systemd is told not to start such a process again."""
SECRET_KEY_LENGTH = 50
NODE_PATIENCE_S = 3.0


def problems(role: Role) -> list[str]:
    """What keeps a process of this role from doing its work, a sentence each; none when all is well.

    Asks the chain's nodes for their chain ids, and takes no answer for no objection: a node that is down
    comes back, and the site waits for it, or uses another.
    """
    found = [*_chain(), *_nodes(role), *_operator(role), *_workers(role)]
    return found if role in ("embedded", "operator") else [*_shared(role), *found]


def require(role: Role) -> None:
    """End the process with one sentence for each problem. Raises SystemExit with EX_CONFIG."""
    if found := problems(role):
        refuse(f"This process ({role}) cannot start:", found)


def refuse(heading: str, found: Sequence[str]) -> NoReturn:
    """Say why on stderr and leave with EX_CONFIG."""
    print("\n".join([heading, *(f"* {problem}" for problem in found)]), file=sys.stderr, flush=True)
    raise SystemExit(EX_CONFIG)


def deployed(app_configs: Any, **_options: Any) -> list[checks.CheckMessage]:
    """`manage.py check --deploy`: the problems of all separate processes together, each once."""
    found = dict.fromkeys(problem for role in SEPARATE for problem in problems(role))
    return [checks.Error(problem, id="murmuration.E001") for problem in found]


# --- What separate processes share ------------------------------------------------------------------------


def _shared(role: Role) -> Iterator[str]:
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        yield (
            "SQLite is for the one process of `make run`: set DATABASE_URL to a PostgreSQL, "
            "as in postgres://user:password@host/name."
        )
    if not settings.REDIS_URL:
        yield (
            "Without REDIS_URL the queues, the cache and the live messages are in this process's memory, "
            "where no other finds them: set it, as in redis://host:6379/0."
        )
    if not settings.SECRET_KEY_GIVEN:
        yield "SECRET_KEY is not set: give every process of this site the same, 50 random characters or more."
    elif len(settings.SECRET_KEY) < SECRET_KEY_LENGTH:
        yield f"SECRET_KEY has fewer than {SECRET_KEY_LENGTH} characters: make a longer one."
    if settings.DEBUG:
        yield "DEBUG shows the settings to every visitor who meets an error: unset it."
    if role == "web" and "*" in settings.ALLOWED_HOSTS:
        yield "ALLOWED_HOSTS=* lets any page open our websockets: name the site's own hosts."
    if role == "web" and not settings.COLLECTED_STATIC:
        yield (
            "COLLECTED_STATIC is not set, so files of the site keep their names when they change: "
            "set COLLECTED_STATIC=true and run `manage.py collectstatic`."
        )
    if role == "web" and settings.COLLECTED_STATIC and not (_static_root() / "staticfiles.json").exists():
        yield f"{_static_root()} holds no collected files: run `manage.py collectstatic --noinput`."


def _static_root() -> Path:
    return Path(str(settings.STATIC_ROOT))


# --- The chain --------------------------------------------------------------------------------------------


def _chain() -> Iterator[str]:
    if not settings.PRIVATE_CHAIN:
        if not settings.CHAIN_RPC_URL:
            yield "CHAIN_RPC_URL is not set: name a node of the chain, as in https://node.example/key."
        return
    if not settings.CHAIN_RPC_URL:
        return  # `make run` starts a chain of its own
    away = "unset PRIVATE_CHAIN, which lets the site mine blocks, move the clock and lend out wallets"
    whose = [("the deployment file", _deployed_id())]
    whose += [(f"the node {node}", number) for node, number in chain_ids().items()]
    for who, number in whose:
        if number is not None and number != CHAIN_ID:
            yield f"PRIVATE_CHAIN is true, but {who} is of chain {number}: {away}."
            return
    record = Running.read(Path(settings.VAR_DIR) / "chain" / "anvil.json")
    if record is None or set(_names(settings.CHAIN_RPC_URL)) != set(_names(record.url)):
        yield f"PRIVATE_CHAIN is true, but the node is not the one that is kept in VAR_DIR: {away}."


def _nodes(role: Role) -> Iterator[str]:
    """A node of another chain would be asked on the day when the right one is away. An operator, who has more
    to lose, looks at their first blocks as well (`config.joining`).
    """
    if settings.PRIVATE_CHAIN or role in ("beat", "paint", "operator"):
        return
    found = chain_ids()
    answered = {node: number for node, number in found.items() if number is not None}
    if not answered:
        return
    wanted, said = _deployed_id(), "the deployment file"
    if wanted is None:
        said, wanted = next(iter(answered.items()))
    for node, number in found.items():
        if number is None:
            log.warning("The node %s does not answer; others do, and the site goes on with them.", node)
        elif number != wanted:
            yield (
                f"The node {node} is of chain {number}, but {said} is of chain {wanted}: "
                "take it out of CHAIN_RPC_URL, or put the right address there."
            )


def _names(urls: str) -> list[str]:
    """The nodes as they may be named, in the order of the setting."""
    return told_apart(map(without_secrets, addresses(urls)))


def chain_ids() -> dict[str, int | None]:
    """What each node of CHAIN_RPC_URL says is its chain, by the node's name; None from one that doesn't
    answer. All are asked at once.
    """
    urls = addresses(settings.CHAIN_RPC_URL)
    if not urls:
        return {}
    with ThreadPoolExecutor(len(urls)) as threads:
        return dict(zip(_names(settings.CHAIN_RPC_URL), threads.map(_chain_id, urls), strict=True))


def _deployed_id() -> int | None:
    try:
        return deployments.load().chain_id
    except DeploymentMissing:
        return None


def _chain_id(url: str) -> int | None:
    node = Rpc(url, timeout=NODE_PATIENCE_S)
    try:
        return int(node.call("eth_chainId"), 16)
    except (RpcUnavailable, RpcError, TypeError, ValueError):
        return None
    finally:
        node.close()


def _operator(role: Role) -> Iterator[str]:
    """Only who ticks sends anything, so only that process needs the key; who paints for others needs none."""
    if role not in ("control", "embedded", "operator") or not settings.KEEPER:
        return
    if settings.OPERATOR_KEY and settings.OPERATOR_KEYSTORE:
        yield "OPERATOR_KEY and OPERATOR_KEYSTORE are both set: choose one."
        return
    try:
        own = signers.account()
    except SignerMissing as error:
        yield f"{str(error)[0].upper()}{str(error)[1:]}."
        return
    if own is None and not settings.PRIVATE_CHAIN:
        yield (
            "Nothing can be sealed or anchored without a key: set OPERATOR_KEY, or OPERATOR_KEYSTORE and "
            "OPERATOR_KEYSTORE_PASSWORD_FILE, for this process."
        )


def _workers(role: Role) -> Iterator[str]:
    """There need be none: others may paint. But a key that is given must be one."""
    if role not in ("control", "embedded"):
        return
    try:
        signers.worker_accounts()
    except SignerMissing as error:
        yield f"{str(error)[0].upper()}{str(error)[1:]}."
