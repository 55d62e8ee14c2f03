"""The operator keeps words and pictures from this site's pages, for a reason that is shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext

from governance import withholding
from governance.models import Withholding

PICTURE = "0x" + "ab" * 32
HIDDEN = withholding.PLACEHOLDER

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Any:
    user = get_user_model().objects.create_user("olga", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="withhold"))
    return user


def hold(operator: Any, phrase: str, reason: str = "A slur") -> Withholding:
    return withholding.withhold(operator, "words", phrase, reason)


def test_nothingWithheld_everythingIsShown() -> None:
    assert withholding.shown("A misty ridge") == "A misty ridge"
    assert withholding.words("A misty ridge") is None
    assert withholding.picture(PICTURE) is None


@pytest.mark.parametrize(
    ("text", "as_shown"),
    [
        ("a mean word here", f"a {HIDDEN} here"),
        ("MEAN  Word", HIDDEN),
        ("mean\nword, mean word.", f"{HIDDEN}, {HIDDEN}."),
        ("mé\u00adan wo\u200brd\u0301!", f"{HIDDEN}!"),
        ("\uff4dean word", HIDDEN),
        ("\u202emean word\u202c", f"\u202e{HIDDEN}"),
        ("meaning wordless", "meaning wordless"),
        ("mean words", f"{HIDDEN}s"),
    ],
)
def test_words_areHiddenHoweverTheyAreWritten(operator: Any, text: str, as_shown: str) -> None:
    hold(operator, "mean word")
    assert withholding.shown(text) == as_shown
    assert (withholding.words(text) == "A slur") is (as_shown != text)


def test_words_overlappingPhrasesHideTheirUnion(operator: Any) -> None:
    hold(operator, "red fox")
    hold(operator, "fox jumps")
    assert withholding.shown("the red fox jumps high") == f"the {HIDDEN} high"


def test_picture_isWithheldByItsHash_liftedAgain_andTheRowStays(operator: Any) -> None:
    row = withholding.withhold(
        operator, "picture", PICTURE.upper().replace("X", "x"), "  By order of\na court "
    )
    assert withholding.picture(PICTURE) == "By order of a court"
    withholding.lift(operator, row.pk)
    assert withholding.picture(PICTURE) is None
    kept = Withholding.objects.get()
    assert (kept.by, kept.lifted_by, kept.lifted_at is not None) == ("olga", "olga", True)
    with pytest.raises(withholding.Refused, match="no longer"):
        withholding.lift(operator, row.pk)


@pytest.mark.parametrize(
    ("kind", "subject", "reason", "why"),
    [
        ("picture", "0x1234", "reason", "64 hexadecimal digits"),
        ("picture", PICTURE, "  ", "Write a reason"),
        ("words", "a\u200b b", "reason", "at least 3 letters"),
        ("words", "x" * 501, "reason", "at most 500"),
        ("words", "a phrase", "r" * 301, "at most 300"),
    ],
)
def test_withhold_refusesWhatWontDo(operator: Any, kind: str, subject: str, reason: str, why: str) -> None:
    with pytest.raises(withholding.Refused, match=why):
        withholding.withhold(operator, kind, subject, reason)
    assert not Withholding.objects.exists()


def test_withhold_twiceIsRefused(operator: Any) -> None:
    hold(operator, "mean word")
    with pytest.raises(withholding.Refused, match="already"):
        hold(operator, "mean word")


def test_withhold_needsThePermission() -> None:
    viewer = get_user_model().objects.create_user("vera", is_staff=True)
    with pytest.raises(PermissionDenied):
        withholding.withhold(viewer, "words", "mean word", "reason")
    with pytest.raises(PermissionDenied):
        withholding.lift(viewer, 1)


def test_request_asksOnce_andSeesItsOwnChange(operator: Any) -> None:
    hold(operator, "mean word")
    with (
        withholding.remembered(),
        CaptureQueriesContext(
            connection,
        ) as queries,
    ):
        for _ in range(3):
            withholding.shown("mean word")
            withholding.picture(PICTURE)
        assert len(queries) == 1
        withholding.withhold(operator, "picture", PICTURE, "reason")
        assert withholding.picture(PICTURE) == "reason"
    withholding.lift(operator, Withholding.objects.get(kind="words").pk)
    assert withholding.shown("mean word") == "mean word"


def test_filter_hidesAndEscapes(operator: Any) -> None:
    hold(operator, "mean word")
    template = Template("{% load governance %}{{ text|shown }}")
    assert template.render(Context({"text": "<b>mean word</b>"})) == f"&lt;b&gt;{HIDDEN}&lt;/b&gt;"
