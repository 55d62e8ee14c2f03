"""Withholding from the operator's side: what it would hide, and doing it, written down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse

from compute.models import Rendering
from gallery import controls, roles
from gallery.models import Generation
from governance import parameters, withholding
from governance.models import ParameterChange, Proposal, Vote, Withholding

AROUND = 60
"""Characters of a text shown on each side of what is hidden in it."""
MOST_FINDS = 50


@dataclass(frozen=True)
class Find:
    """A text that is shown in part: where it is, its page, and the words around, as visitors will see it."""

    where: str
    url: str
    excerpt: str


@dataclass(frozen=True)
class Preview:
    """What a withholding hides: generations whose picture it is, or texts. `more` are not listed."""

    generations: list[Generation]
    finds: list[Find]
    more: int


def preview(kind: str, subject: str) -> Preview:
    """What withholding this would hide now. What is proposed or painted later is hidden as well."""
    if kind == Withholding.Kind.PICTURE:
        return Preview(list(Generation.objects.filter(file_hash=subject.strip().lower())), [], 0)
    phrase = withholding.folded(subject)
    if not phrase:
        return Preview([], [], 0)
    finds = [
        Find(where, url, _excerpt(text, phrase))
        for where, url, text in _texts()
        if phrase in withholding.folded(text)
    ]
    return Preview([], finds[:MOST_FINDS], max(0, len(finds) - MOST_FINDS))


def withhold(user: User | AnonymousUser, kind: str, subject: str, reason: str) -> str:
    """Withhold it and write it down; returns what was done, in words. Raises PermissionDenied, and
    `withholding.Refused`.
    """

    def command() -> str:
        row = withholding.withhold(user, kind, subject, reason)
        return f"{row.get_kind_display()} withheld: {row.subject}. Reason: {row.reason}"

    return controls.written(user, roles.WITHHOLD, "withhold", f"{kind} {subject}", command)


def lift(user: User | AnonymousUser, pk: int) -> str:
    """Show it again and write that down. Raises PermissionDenied, and `withholding.Refused`."""
    row = Withholding.objects.filter(pk=pk).first()

    def command() -> str:
        lifted = withholding.lift(user, pk)
        return f"{lifted.get_kind_display()} shown again: {lifted.subject}."

    return controls.written(user, roles.WITHHOLD, "lift", str(row or pk), command)


def _texts() -> Iterator[tuple[str, str, str]]:
    """Every text of a visitor's that pages show: where, the page's address, the text."""
    for proposal in Proposal.objects.only("id", "description").iterator():
        url = reverse("governance:proposal", args=[proposal.pk])
        yield f"Proposal “{proposal.title}”", url, proposal.description
    for vote in Vote.objects.exclude(reason="").only("proposal_id", "voter", "reason").iterator():
        url = reverse("governance:proposal", args=[vote.proposal_id])
        yield f"Reason of a vote by {vote.voter}", url, vote.reason
    numbers = dict(Generation.objects.values_list("recipe_hash", "number"))
    for recipe_hash, recipe in Rendering.objects.values_list("recipe_hash", "recipe").iterator():
        number = numbers.get(recipe_hash)
        url = reverse("gallery:generation", args=[number]) if number is not None else ""
        where = f"Recipe of generation {number}" if number is not None else "Recipe of a painting"
        yield from ((where, url, text) for text in _prompts(recipe))
    for change in ParameterChange.objects.iterator():
        known = parameters.BY_KEY.get(change.key)
        if known is not None and known.kind == "text":
            text = str(parameters.decode(change.key, change.value))
            yield f"{known.label}, version {change.version}", reverse("governance:compose"), text


def _prompts(recipe: dict[str, object]) -> Iterable[str]:
    return [str(recipe[name]) for name in ("prompt", "negative_prompt") if recipe.get(name)]


def _excerpt(text: str, phrase: str) -> str:
    hidden = withholding.hide(text, [phrase])
    at = hidden.find(withholding.PLACEHOLDER)
    start, end = max(0, at - AROUND), at + len(withholding.PLACEHOLDER) + AROUND
    before, after = "…" if start else "", "…" if end < len(hidden) else ""
    return f"{before}{hidden[start:end].strip()}{after}"
