"""A line of the log: which request, no secret, no query."""

import json
import logging
import sys

import pytest
from django.test import Client

from config import logs

SECRETS = {
    "SECRET_KEY": "signs-everything-0123456789",
    "OPERATOR_KEY": "0x" + "ab" * 32,
    "WORKER_KEYS": "0x" + "cd" * 32 + " 0x" + "ef" * 32,
    "METRICS_TOKEN": "let-me-see",
    "DATABASE_URL": "postgres://site:p%40ssword-of-it@db/murmuration",
    "REDIS_URL": "redis://:another-password@redis:6379/0",
    "CHAIN_RPC_URL": "https://node.example/v3/provider-key-0815?token=query-key-4711, "
    "https://key-as-user@other.example/second-key-0816",
    "CHAIN_WS_URL": "wss://node.example/ws/socket-key-0817",
}


@pytest.fixture
def secretive(monkeypatch: pytest.MonkeyPatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def record(message: str, **fields: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "test", "levelname": "INFO", "msg": message, **fields})


@pytest.mark.parametrize("form", [logs.Plain, logs.Json])
def test_secrets_areHiddenWhereverTheyStand(secretive: None, form: type[logging.Formatter]):
    hidden = (
        SECRETS["SECRET_KEY"],
        SECRETS["OPERATOR_KEY"],
        "0x" + "cd" * 32,
        "0x" + "ef" * 32,
        "let-me-see",
        "p%40ssword-of-it",
        "p@ssword-of-it",
        "another-password",
        "provider-key-0815",
        "query-key-4711",
        "key-as-user",
        "second-key-0816",
        "socket-key-0817",
    )
    try:
        raise ConnectionError(f"no answer from {SECRETS['CHAIN_RPC_URL']}")
    except ConnectionError:
        trace = sys.exc_info()
    line = form().format(record(" ".join(hidden), exc_info=trace, address=SECRETS["REDIS_URL"]))
    assert logs.HIDDEN in line
    assert "ConnectionError" in line
    for secret in hidden:
        assert secret not in line


def test_json_isOneObjectALine():
    token = logs.request_id.set("request-0815")
    try:
        line = logs.Json().format(record("two\nlines", status=200))
    finally:
        logs.request_id.reset(token)
    assert "\n" not in line
    found = json.loads(line)
    assert found["message"] == "two\nlines"
    assert found["request_id"] == "request-0815"
    assert found["level"] == "INFO"
    assert found["status"] == 200


def test_aFormThatDoesNotExist_isRefused():
    with pytest.raises(ValueError, match="plain or json"):
        logs.settings("xml", "INFO")


def test_aRequest_isOneLineWithoutItsQuery(settings, client: Client, db, caplog: pytest.LogCaptureFixture):
    settings.LOG_REQUESTS = True
    with caplog.at_level(logging.INFO, "config.requests"):
        client.get("/signin/?next=/&token=very-secret")
        client.get("/healthz/")
    [line] = [one for one in caplog.records if one.name == "config.requests"]
    assert line.path == "/signin/"
    assert line.status == 200
    assert "very-secret" not in line.getMessage()


def test_aRequest_keepsTheNameThatAProxyGave_ifItIsOne(client: Client):
    assert client.get("/healthz/", HTTP_X_REQUEST_ID="proxy-0123abcd")["X-Request-ID"] == "proxy-0123abcd"
    forged = client.get("/healthz/", HTTP_X_REQUEST_ID='x" level=ERROR forged')["X-Request-ID"]
    assert logs.request_id.get() == "-"
    assert len(forged) == 16
