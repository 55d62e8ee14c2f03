"""What is withheld on this site: the list, withholding more after seeing what it hides, and lifting it."""

from __future__ import annotations

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from chain.admin import ReadOnlyAdmin
from gallery import roles, withheld
from governance import withholding
from governance.models import Withholding


class WithholdForm(forms.Form):
    """What to withhold, and why."""

    kind = forms.ChoiceField(choices=Withholding.Kind.choices)
    subject = forms.CharField(
        label="Picture or phrase",
        max_length=withholding.MOST_PHRASE,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
        help_text="A picture's file hash, or words as they appear. Case, accents and spaces don't matter; "
        "a phrase is also found inside longer words.",
    )
    reason = forms.CharField(
        max_length=withholding.MOST_REASON,
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
        help_text="Everybody reads it in place of what is withheld.",
    )


@admin.register(Withholding)
class WithholdingAdmin(ReadOnlyAdmin):
    """What is withheld and what was. Rows are lifted, never changed or deleted."""

    list_display = ["kind", "subject", "reason", "by", "at", "standing", "lifted_by", "lifted_at"]
    list_filter = ["kind", ("lifted_at", admin.EmptyFieldListFilter), "by"]
    search_fields = ["subject", "reason", "by"]
    change_list_template = "admin/gallery/withholdings.html"
    change_form_template = "admin/gallery/withholding.html"

    @admin.display(description="now")
    def standing(self, row: Withholding) -> SafeString | str:
        """Whether it is withheld, and the way to lift it."""
        if row.lifted_at is not None:
            return "shown again"
        return format_html(
            '<a href="{}">withheld; lift it</a>', reverse("admin:governance_withholding_lift", args=[row.pk])
        )

    def get_urls(self) -> list[URLPattern]:
        """The stock pages, and those that withhold and lift before them."""
        wrap = self.admin_site.admin_view
        return [
            path("withhold/", wrap(self.withhold), name="governance_withholding_withhold"),
            path("<int:pk>/lift/", wrap(self.lift), name="governance_withholding_lift"),
            *super().get_urls(),
        ]

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def withhold(self, request: HttpRequest) -> HttpResponse:
        """Ask what and why, show what it hides, then do it."""
        if request.method != "POST":
            if not request.user.has_perm(roles.WITHHOLD):
                raise PermissionDenied
            given = {name: request.GET[name] for name in ("kind", "subject") if name in request.GET}
            return self._ask(request, WithholdForm(initial=given))
        form = WithholdForm(request.POST)
        allowed = request.user.has_perm(roles.WITHHOLD)
        if allowed and not form.is_valid():
            return self._ask(request, form)
        if allowed and "confirmed" not in request.POST:
            return self._ask(
                request, form, withheld.preview(form.cleaned_data["kind"], form.cleaned_data["subject"])
            )
        given = form.cleaned_data if form.is_valid() else request.POST
        try:
            kind, subject, reason = (str(given.get(name, "")) for name in ("kind", "subject", "reason"))
            outcome = withheld.withhold(request.user, kind, subject, reason)
        except withholding.Refused as refusal:
            form.add_error(None, str(refusal))
            return self._ask(request, form)
        messages.success(request, outcome)
        return HttpResponseRedirect(reverse("admin:governance_withholding_changelist"))

    def _ask(
        self, request: HttpRequest, form: WithholdForm, preview: withheld.Preview | None = None
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Withhold on this site",
            "form": form,
            "preview": preview,
            "is_picture": form["kind"].value() == Withholding.Kind.PICTURE,
            "file_hash": str(form["subject"].value() or "").strip().lower(),
        }
        return TemplateResponse(request, "admin/gallery/withhold.html", context)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def lift(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask, then show it again."""
        if request.method != "POST":
            row = Withholding.objects.filter(pk=pk).first()
            if row is None:
                raise Http404(f"no withholding {pk}")
            if not request.user.has_perm(roles.WITHHOLD):
                raise PermissionDenied
            context = {**self.admin_site.each_context(request), "title": "Show it again", "row": row}
            return TemplateResponse(request, "admin/gallery/lift.html", context)
        try:
            messages.success(request, withheld.lift(request.user, pk))
        except withholding.Refused as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse("admin:governance_withholding_changelist"))
