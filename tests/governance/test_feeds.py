"""What programs read: the Atom feed of proposals and the calendar of votes."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from typing import Any

import pytest

from chain.models import Cursor
from governance import descriptions, ical, models
from governance.models import Support
from tests.governance import factories
from tests.governance.factories import MIRA

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("deployment")]
ATOM = "{http://www.w3.org/2005/Atom}"
EVIL = "<script>alert(1)</script>]]>&amp;\"'\u202e\x01\ufffe\x0b\x00"


@pytest.fixture(autouse=True)
def _world(chain_time: Any) -> None:
    factories.electorate(at=1)
    chain_time(1010)


def final(number: int) -> None:
    Cursor.objects.update_or_create(
        id=1,
        defaults={
            "chain_id": 31337,
            "genesis_hash": "0x" + "11" * 32,
            "number": number,
            "hash": "0x" + "22" * 32,
            "head_number": number,
            "finalized_number": number,
        },
    )


def feed(client: Any, path: str = "/proposals/feed.atom") -> ET.Element:
    answer = client.get(path)
    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    return ET.fromstring(answer.content)  # noqa: S314 - our own


def one(entry: ET.Element, name: str) -> str:
    return (entry.findtext(ATOM + name) or "").strip()


def tags(html: str) -> set[str]:
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.found: set[str] = set()

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.found.add(tag)

    reader = Tags()
    reader.feed(html)
    return reader.found


def lines(client: Any) -> list[str]:
    """The calendar's lines, unfolded."""
    raw = client.get("/proposals/calendar.ics").content
    assert raw.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    return raw.decode().replace("\r\n ", "").split("\r\n")


def test_a_feed_tells_only_what_is_final(client):
    assert feed(client).findall(ATOM + "entry") == []
    early = factories.proposal(900, description="# Early")
    late = factories.proposal(1000, description="# Late")
    final(late.block_number - 1)
    titles = [one(entry, "title") for entry in feed(client).findall(ATOM + "entry")]
    assert titles == ["Proposal 1: Early"]
    final(late.block_number)
    titles = [one(entry, "title") for entry in feed(client).findall(ATOM + "entry")]
    assert titles == ["Proposal 2: Late", "Proposal 1: Early"]
    assert early.pk != late.pk


def test_an_entry_has_a_stable_id_and_says_when_it_changed(client, chain_time):
    proposal = factories.proposal(1000, description="# More gold\n\nIt shines.")
    final(10**9)
    entry = feed(client).find(ATOM + "entry")
    assert entry is not None
    identity = one(entry, "id")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", identity)
    assert one(entry, "published") == "1970-01-01T00:16:40+00:00"
    assert one(entry, "updated") == "1970-01-01T00:16:41+00:00"  # voting opened
    assert one(entry, "author/" + ATOM + "name") == "Mira"
    assert "It shines." in one(entry, "summary")
    links = [link.get("href") for link in entry.findall(ATOM + "link")]
    assert links == [f"http://testserver/proposals/{proposal.pk}/"]
    factories.vote(proposal, MIRA, Support.FOR, 2, 1005)
    chain_time(1062)
    models.ProposalQueued.objects.create(
        **factories.place(factories.block(1070)), proposal=proposal, eta=1080
    )
    chain_time(1075)
    again = feed(client).find(ATOM + "entry")
    assert again is not None
    assert one(again, "id") == identity
    assert one(again, "updated") == "1970-01-01T00:17:50+00:00"
    assert again.find(ATOM + "category").get("term") == "Waiting to take effect"  # type: ignore[union-attr]


def test_hostile_words_break_neither_xml_nor_html(client):
    factories.proposal(1000, description=f"# {EVIL}\n\n{EVIL}\r\n\r\nsecond")
    final(10**9)
    entry = feed(client).find(ATOM + "entry")
    assert entry is not None
    assert "<script>alert(1)</script>]]>&amp;" in one(entry, "title")  # a title is text, not HTML
    summary = one(entry, "summary")
    assert tags(summary) == {"p"}
    assert "&lt;script&gt;" in summary
    for text in (one(entry, "title"), summary):
        assert "\u202e" not in text
        assert "\x01" not in text


def test_the_page_links_to_its_feeds(client):
    page = client.get("/proposals/").content.decode()
    for path in ("/feed.atom", "/proposals/feed.atom"):
        assert re.search(rf'<link rel="alternate" type="application/atom\+xml"[^>]*href="{path}"', page)
    assert 'href="/proposals/calendar.ics"' in page


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("plain", "plain"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\u202eabc\u2066d\u2069", "abcd"),
        ("a\x00\x07\x1b\x85\ufffe\ud800", "a\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd"),
        ("👩\u200d🎨 ok", "👩\u200d🎨 ok"),
    ],
)
def test_plain_words_keep_what_xml_allows(given, kept):
    assert descriptions.plain(given) == kept


# --- The calendar


def test_the_calendar_has_every_vote_and_what_waits(client, chain_time):
    proposal = factories.proposal(1000, description="# More gold; really, “gold”\\")
    final(10**9)
    found = lines(client)
    assert found[0] == "BEGIN:VCALENDAR"
    assert "DTSTART:19700101T001641Z" in found
    assert "DTEND:19700101T001741Z" in found
    assert "SUMMARY:Vote: More gold\\; really\\, “gold”\\\\" in found
    assert f"URL:http://testserver/proposals/{proposal.pk}/" in found
    assert "SEQUENCE:0" in found
    uid = next(line for line in found if line.startswith("UID:"))
    models.ProposalExtended.objects.create(
        **factories.place(factories.block(1060)), proposal=proposal, voting_ends=1100
    )
    found = lines(client)
    assert uid in found
    assert "SEQUENCE:1" in found
    assert "DTEND:19700101T001820Z" in found
    factories.vote(proposal, MIRA, Support.FOR, 2, 1005)
    chain_time(1101)
    models.ProposalQueued.objects.create(
        **factories.place(factories.block(1110)), proposal=proposal, eta=1200
    )
    assert "SUMMARY:May take effect: More gold\\; really\\, “gold”\\\\" in lines(client)


def test_a_cancelled_vote_is_told_as_cancelled(client):
    proposal = factories.proposal(1000)
    models.ProposalCanceled.objects.create(**factories.place(factories.block(1001)), proposal=proposal)
    final(10**9)
    assert "STATUS:CANCELLED" in lines(client)


def test_hostile_words_stay_on_their_line(client):
    factories.proposal(1000, description="# a\rEND:VEVENT\u2028" + "é👩\u200d🎨" * 60 + "\x00")
    final(10**9)
    found = lines(client)
    assert found.count("BEGIN:VEVENT") == found.count("END:VEVENT") == 1


def test_long_lines_are_folded_between_characters():
    for text in ("x" * 75, "x" * 76, "é" * 200, "👩" * 100, ""):
        folded = ical.fold(text)
        assert folded.replace("\r\n ", "") == text
        assert all(len(line.encode()) <= 75 for line in folded.split("\r\n"))
