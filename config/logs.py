"""What separate processes write to their console: one line a record, plain or JSON, without secrets."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote, urlsplit

from pythonjsonlogger.json import JsonFormatter

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""The request, or the Celery task, that a record belongs to."""

HIDDEN = "[secret]"
LEAST = 8
"""Shorter secrets are not looked for: they would hide half of every line, and protect nothing."""
WHOLE = ("SECRET_KEY", "OPERATOR_KEY", "METRICS_TOKEN")
IN_ADDRESS = ("DATABASE_URL", "REDIS_URL")
NODES = ("CHAIN_RPC_URL", "CHAIN_WS_URL")


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """What may never be in a log: keys, passwords, and the paths of nodes' addresses, which hold keys.

    Longest first, so that one that contains another is hidden whole.
    """
    from chain.rpc import addresses, secrets_in  # the settings, which import this module, need no client

    found = {environment.get(name, "") for name in WHOLE}
    found.update(environment.get("WORKER_KEYS", "").replace(",", " ").split())
    for name in IN_ADDRESS:
        parts = urlsplit(environment.get(name, ""))
        found |= {parts.password or "", unquote(parts.password or "")}
    for url in (url for name in NODES for url in addresses(environment.get(name, ""))):
        found.update(secrets_in(url))
    return sorted((secret for secret in found if len(secret) >= LEAST), key=len, reverse=True)


class _Hiding:
    """Replaces every secret in the finished line, wherever it came from: a message, a traceback, a field."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._secrets = secrets_of(os.environ)

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = request_id.get()
        line: str = super().format(record)  # type: ignore[misc]
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN)
        return line


class Plain(_Hiding, logging.Formatter):
    """For people: time, level, logger, request, message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s")


class Json(_Hiding, JsonFormatter):
    """For collectors: the same as an object, with whatever a record carries besides."""

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s %(levelname)s %(name)s %(request_id)s %(process)d %(message)s",
            rename_fields={
                "asctime": "time",
                "levelname": "level",
                "name": "logger",
                "exc_info": "traceback",
            },
            datefmt="%Y-%m-%dT%H:%M:%S%z",
        )


def settings(form: str, level: str) -> dict[str, Any]:
    """Django's LOGGING. `form` is "plain" or "json"; raises ValueError for another."""
    formatters = {"plain": "config.logs.Plain", "json": "config.logs.Json"}
    if form not in formatters:
        raise ValueError(f"LOG_FORMAT is plain or json, and not {form!r}")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatters[form]}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # Django's own handlers would write each error twice.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "celery": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "diffusers": {"level": "ERROR"},
            # In detail they write whole addresses, with the keys of the chain's nodes.
            "urllib3": {"level": "INFO"},
            "websockets": {"level": "INFO"},
        },
    }
