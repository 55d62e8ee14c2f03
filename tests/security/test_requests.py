"""No request, however it is made, gets past a check or makes the site fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as site_settings
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.middleware import POLICY
from tests.governance import factories
from tests.governance.factories import MIRA

HASH = "0x" + "ab" * 32
EXAMPLES = {
    "proposal_id": "1",
    "number": "1",
    "file_hash": HASH,
    "size": "160",
    "address": MIRA,
    "pk": "1",
    "object_id": "1",
}
STRANGE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["\0", "\u202e", "\ud800", "%00", "../../etc/passwd", "<script>alert(1)</script>", "9" * 400]
    ),
    st.integers(-(2**300), 2**300).map(str),
)
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def paths(patterns: Any = None, prefix: str = "/") -> Iterator[str]:
    """An address of every view of the site, the admin's included."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(one.pattern).replace("^", "").replace("$", "").replace("\\Z", "")
        if isinstance(one, URLResolver):
            yield from paths(one.url_patterns, route)
        elif isinstance(one, URLPattern):
            for converter in one.pattern.converters:
                value = EXAMPLES.get(converter, "x")
                for kind in ("uint256", "int", "hash32", "address", "path", "str", "slug", ""):
                    route = route.replace(f"<{kind}:{converter}>" if kind else f"<{converter}>", value)
            if "(?P" not in route:
                yield route


PATHS = sorted(set(paths()))


def test_there_are_views_to_ask() -> None:
    assert {"/", "/proposals/1/", "/signin/verify/", "/admin/login/"} <= set(PATHS)
    assert not [path for path in PATHS if "<" in path]


# --- Headers


def test_every_answer_carries_the_policy(visitor: Client, proposal: Any) -> None:
    for path in PATHS:
        guarded(visitor, path)


def guarded(visitor: Client, path: str) -> None:
    """Ask for a page and hold its headers against what is promised."""
    response = visitor.get(path)
    assert response.status_code < 500 or response.status_code == 503, path
    assert response.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["Referrer-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    expected = "cross-origin" if path.startswith("/pictures/") else "same-origin"
    assert response.headers["Cross-Origin-Resource-Policy"] == expected
    assert "camera=()" in response.headers["Permissions-Policy"]


def test_behind_https_everything_is_https(visitor: Client, settings: Any, db: None) -> None:
    settings.SECURE_SSL_REDIRECT = True
    answer = visitor.get("/about/", secure=True)
    assert "upgrade-insecure-requests" in answer.headers["Content-Security-Policy"]
    assert visitor.get("/about/").headers["Location"] == "https://testserver/about/"


def test_cookies_are_not_for_scripts_nor_for_other_sites() -> None:
    assert site_settings.SESSION_COOKIE_HTTPONLY
    assert site_settings.SESSION_COOKIE_SAMESITE == "Lax"
    assert site_settings.CSRF_COOKIE_SAMESITE == "Lax"


# --- Methods and tokens


def test_no_post_is_taken_without_its_token(visitor: Client, proposal: Any) -> None:
    for path in PATHS:
        assert visitor.post(path).status_code in (301, 302, 403, 404, 405, 429), path


def test_odd_methods_change_nothing(visitor: Client, proposal: Any) -> None:
    for number, path in enumerate(PATHS):
        method = ("PUT", "PATCH", "DELETE", "FOO")[number % 4]
        status = visitor.generic(method, path).status_code
        assert status in (301, 302, 403, 404, 405), (method, path, status)


@pytest.mark.parametrize(
    "path",
    [
        "/signin/message/", "/signin/verify/", "/signin/out/", "/demo-wallet/rpc/", "/transactions/explain/",
        "/proposals/1/vote/", "/proposals/1/queue/", "/proposals/1/execute/",
    ],
)  # fmt: skip
def test_what_acts_is_not_to_be_had_by_a_link(visitor: Client, proposal: Any, path: str) -> None:
    assert visitor.get(path).status_code == 405


# --- Hosts, redirects, paths


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "127.0.0.1.elsewhere.example", "a b", "[::1", "x" * 300]
)
def test_a_foreign_host_is_refused(client: Client, db: None, settings: Any, host: str) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    assert client.get("/about/", HTTP_HOST=host).status_code == 400


@pytest.mark.parametrize(
    "wanted",
    [
        "https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "javascript:alert(1)",
        "\thttps://elsewhere.example", "http:///elsewhere.example", "\r\nLocation: https://elsewhere.example",
    ],
)  # fmt: skip
def test_signing_out_leads_nowhere_else(client: Client, db: None, wanted: str) -> None:
    answer = client.post("/signin/out/", {"next": wanted})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", HASH + "%00", HASH.upper(), "0x" + "zz" * 32],
)
def test_pictures_are_found_by_hash_alone(visitor: Client, db: None, name: str) -> None:
    for file in ("original.png", "160.webp"):
        assert visitor.get(f"/pictures/{name}/{file}").status_code == 404


# --- Bodies


def _token(visitor: Client) -> str:
    visitor.get("/signin/")
    cookie = visitor.cookies.get("csrftoken")
    return cookie.value if cookie else ""


SINKS = ("/signin/message/", "/signin/verify/", "/transactions/explain/", "/demo-wallet/rpc/")


@pytest.mark.parametrize("path", SINKS)
@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe", b"null", b"[]", b'"x"', b"[" * 60_000, b'{"address": "\\u0000"}',
        b'{"message": "\\ud800", "signature": "\\ud800", "address": "\\ud800"}', b"1e99999",
        b'{"message": 1, "signature": [], "address": {}, "account": [], "method": {}, "params": 1}',
        b'{"data": "0x' + b"f" * 9_000 + b'"}',
        b'{"address": "0x\xd9\xa1"}',
    ],
)  # fmt: skip
def test_no_body_makes_a_view_fail(proposal: Any, path: str, body: bytes) -> None:
    visitor = Client(raise_request_exception=False)
    status = visitor.post(path, body, content_type="application/json").status_code
    assert 400 <= status < 500 or status in (200, 503), (path, status)


def test_a_huge_body_is_refused(client: Client, proposal: Any) -> None:
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        body = b"x=" + b"y" * 300_000
        assert client.post("/signin/message/", body, content_type=kind).status_code == 400


@quick
@given(where=st.sampled_from(PATHS), name=STRANGE, value=STRANGE)
def test_no_query_makes_a_page_fail(proposal: Any, where: str, name: str, value: str) -> None:
    query = {name.encode(errors="surrogatepass").decode("latin-1"): value.encode(errors="surrogatepass")}
    names = ("page", "state", "q", "to", "next", "order", "kind")
    visitor = Client(raise_request_exception=False)
    for data in (query, dict.fromkeys(names, value.encode(errors="surrogatepass"))):
        status = visitor.get(where, data).status_code
        assert status < 500 or status == 503, (where, data)


@quick
@given(raw=st.binary(max_size=40))
def test_no_path_makes_the_site_fail(proposal: Any, raw: bytes) -> None:
    environ = RequestFactory()._base_environ()
    environ["PATH_INFO"] = "/" + raw.decode("latin-1")
    visitor = Client(raise_request_exception=False)
    assert visitor.request(**environ).status_code < 500


@quick
@given(
    st.dictionaries(
        st.sampled_from(["title", "reason", "prompt", "palette", "guidance", "steps", "version", "width"]),
        STRANGE,
    )
)
def test_no_form_makes_the_composer_fail(proposal: Any, form: dict[str, str]) -> None:
    visitor = Client(raise_request_exception=False)
    session = visitor.session
    session["address"] = MIRA
    session.save()
    data = {key: value.encode(errors="surrogatepass") for key, value in form.items()}
    assert visitor.post("/proposals/new/", data).status_code < 500


# --- Words


EVIL = "</title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u202e{{7777*7777}}"


def test_words_of_strangers_stay_words_in_every_page(client: Client, proposal: Any) -> None:
    evil = factories.proposal(1000, description=f"# {EVIL}\n\n{EVIL}\n\n#proposer={MIRA}")
    factories.vote(evil, MIRA, 1, 2, 1005, reason=EVIL)
    for path in ("/", "/proposals/", f"/proposals/{evil.pk}/", f"/proposals/{evil.pk}/record/", "/members/",
                 f"/members/{MIRA}/", "/proposals/feed.atom", "/lineage/"):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 200, path
        text = answer.content.decode()
        if "calendar" not in path:
            assert "<script>alert" not in text, path
            assert "<img src=x" not in text, path
        assert "60481729" not in text, path


def test_headers_cannot_be_forged_by_a_request(client: Client, db: None) -> None:
    answer = client.get("/about/", headers={"X-Request-ID": "x\r\nSet-Cookie: a=b"})
    assert "\n" not in answer.headers["X-Request-ID"]
    assert "a" not in answer.cookies


# --- Sessions and limits


def test_the_session_changes_at_the_admins_door(client: Client, db: None) -> None:
    get_user_model()._default_manager.create_superuser("boss", "", "a long password")
    client.get("/admin/login/")
    session = client.session
    session["planted"] = "before"
    session.save()
    before = session.session_key
    client.post("/admin/login/?next=/admin/", {"username": "boss", "password": "a long password"})
    assert client.session.session_key != before
    signed_in = client.session.session_key
    client.post("/admin/logout/")
    assert client.session.session_key != signed_in


def test_passwords_cannot_be_guessed_by_the_thousand(client: Client, db: None) -> None:
    statuses = [
        client.post("/admin/login/", {"username": "admin", "password": str(number)}).status_code
        for number in range(12)
    ]
    assert statuses[:10] == [200] * 10
    assert statuses[10:] == [429, 429]
    answer = client.post("/admin/login/", {"username": "admin", "password": "x"})
    assert answer.headers["Retry-After"] == "300"
    assert client.post("/admin/login/", REMOTE_ADDR="127.0.0.2").status_code == 200


@pytest.mark.parametrize(
    ("path", "most"),
    [("/proposals/feed.atom", 60), (f"/pictures/{HASH}/original.png", 120), ("/feed.atom", 60)],
)
def test_costly_answers_are_limited(client: Client, proposal: Any, path: str, most: int) -> None:
    statuses = [client.get(path).status_code for _ in range(most + 1)]
    assert 429 not in statuses[:-1]
    assert statuses[-1] == 429


@pytest.mark.parametrize(("path", "most"), [("/signin/message/", 30), ("/transactions/explain/", 120)])
def test_who_asks_too_often_is_told_when_to_come_back(
    client: Client, proposal: Any, path: str, most: int
) -> None:
    for _ in range(most):
        client.post(path, json.dumps({}), content_type="application/json")
    answer = client.post(path, json.dumps({}), content_type="application/json")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
