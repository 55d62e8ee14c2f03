"""What people type: checked here with one sentence for each fault, kept as typed when there is one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from eth_utils.address import is_checksum_address

from governance import energy, registry, withholding
from governance.actions import MAX_REASON_BYTES
from governance.models import Support
from governance.parameters import PARAMETERS, Parameter, Value, values_at
from governance.parameters.model_calls import TIERS, choice_problem, named
from governance.parameters.spec import hidden_characters
from studio import vocabulary

MAX_TITLE = 120
MAX_BODY_BYTES = 4000
# Shown together, in this order; what isn't listed comes last.
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Words", ("prompt", "negative_prompt")),
    ("Style", ("family", "palette", "mood")),
    ("Hand", ("strength", "guidance", "steps")),
    ("Frame", ("width", "height", "epoch_length", "energy_budget", "model")),
)
# What makes a recipe take more, and what it may take; most telling first.
_SPENDING = (energy.BUDGET, "model", "steps", "strength", "width", "height")
_SUGGESTIONS: dict[str, tuple[str, ...]] = {
    "family": vocabulary.FAMILIES,
    "palette": tuple(vocabulary.PALETTES),
    "mood": vocabulary.MOODS,
}


class HonestText(forms.CharField):
    """Text as people see it: no invisible characters, `most_bytes` of UTF-8 at most."""

    def __init__(self, *, most_bytes: int, lines: bool, **kwargs: Any):
        super().__init__(**kwargs)
        self.most_bytes, self.lines = most_bytes, lines
        self.validators = []  # Django's words for a NUL are replaced by ours

    def clean(self, value: Any) -> str:
        text = str(self.to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")
        self.validate(text)
        if fault := hidden_characters(text):
            raise forms.ValidationError(fault)
        if not self.lines and "\n" in text:
            raise forms.ValidationError("One line only.")
        size = len(text.encode())
        if size > self.most_bytes:
            raise forms.ValidationError(f"{size:,} bytes: at most {self.most_bytes:,} fit.")
        return text


class VoteForm(forms.Form):
    support = forms.TypedChoiceField(
        choices=[(str(value), label) for value, label in Support.choices],
        coerce=lambda value: Support(int(value)),
        error_messages={
            "required": "Choose for, against or abstain.",
            "invalid_choice": "Choose for, against or abstain.",
        },
    )
    reason = HonestText(most_bytes=MAX_REASON_BYTES, lines=True, required=False)


class AddressField(forms.CharField):
    """An account's address, lower-case; one in mixed case must have its checksum right (EIP-55)."""

    def clean(self, value: Any) -> str:
        text = str(self.to_python(value) or "").strip()
        if not text:
            raise forms.ValidationError("Write an address.")
        if "." in text and not text.startswith("0x"):
            raise forms.ValidationError("Names are not looked up here: paste the address it stands for.")
        if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
            raise forms.ValidationError("An address is 0x and 40 hexadecimal digits.")
        digits = text[2:]
        mixed = digits != digits.lower() and digits != digits.upper()
        if mixed and not is_checksum_address(text):
            raise forms.ValidationError(
                "This address is misspelled: its capital letters don’t fit its digits."
            )
        if int(digits, 16) == 0:
            raise forms.ValidationError("The zero address can’t vote.")
        return text.lower()


class DelegateForm(forms.Form):
    to = AddressField(
        label="Who shall vote for you",
        max_length=60,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "autocapitalize": "off",
                "placeholder": "0x…",
            }
        ),
    )


class ParameterField(forms.Field):
    """One governed parameter, as people type it.

    Words that this site withholds are not written into the field: it is empty then, and empty keeps them.
    """

    def __init__(self, parameter: Parameter, today: Value | None):
        self.parameter, self.today = parameter, today
        self.withheld = withholding.words(today) if isinstance(today, str) else None
        help_text = parameter.help
        if self.withheld:
            help_text += f" Today’s words are withheld on this site: {self.withheld} Empty keeps them."
        super().__init__(
            required=False,
            label=parameter.label,
            help_text=help_text,
            initial="" if today is None or self.withheld else parameter.typed(today),
            widget=_widget(parameter),
        )

    @property
    def today_words(self) -> str:
        return withholding.shown(self.parameter.words(self.today))

    @property
    def today_typed(self) -> str:
        return str(self.initial)

    @property
    def suggestions(self) -> tuple[str, ...]:
        return tuple(one for one in _SUGGESTIONS.get(self.parameter.key, ()) if not withholding.words(one))

    def clean(self, value: Any) -> Value:
        if value is None:  # the field was not sent at all: nothing to change
            return "" if self.today is None else self.today
        if self.withheld and self.today is not None and not str(value).strip():
            return self.today
        try:
            return self.parameter.read(str(value))
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


class ModelField(ParameterField):
    """Which open weights paint: those of the registry that may be chosen, by name, and today's."""

    def __init__(self, parameter: Parameter, today: Value | None):
        super().__init__(parameter, today)
        self.help_text = "The open weights that paint: those that the registry lists as active."
        offered = [(entry.id, entry) for entry in registry.active()]
        options = [
            (key, f"{withholding.shown(entry.name)}: {TIERS[entry.tier]}, {withholding.shown(entry.licence)}")
            for key, entry in offered
        ]
        if today is not None and str(today) not in dict(options):
            options.insert(0, (str(today), f"{named(str(today), {})}: paints now, can’t be chosen anew"))
        self.widget = forms.Select(choices=options)
        self.label = "Painted by"

    @property
    def today_words(self) -> str:
        return "" if self.today is None else withholding.shown(named(str(self.today), {}))

    def clean(self, value: Any) -> Value:
        chosen = super().clean(value)
        if chosen != self.today and (problem := choice_problem(str(chosen), {})):
            raise forms.ValidationError(problem)
        return chosen


class ComposeForm(forms.Form):
    """A proposal: why, and every governed parameter with today's value; only what differs becomes a call.

    `version` is the version of the parameters that the person was looking at. What they left as they saw it
    is not a wish, even if another proposal has changed it since.
    """

    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    title = HonestText(
        most_bytes=4 * MAX_TITLE,
        lines=False,
        max_length=MAX_TITLE,
        label="Title",
        help_text="What this asks for, in a few words.",
        error_messages={"required": "Give it a title."},
    )
    reason = HonestText(
        most_bytes=MAX_BODY_BYTES,
        lines=True,
        required=False,
        label="Why",
        help_text="If you like. It stays with the proposal for ever.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, newest_version: int, **kwargs: Any):
        initial = {"version": newest_version, **(kwargs.pop("initial", None) or {})}
        super().__init__(*args, **{**kwargs, "initial": initial})
        self.newest_version = newest_version
        self.today = values_at(newest_version)
        # Contracts that were deployed before a parameter was thought of have no setter for it.
        for parameter in PARAMETERS:
            if parameter.key not in self.today:
                continue
            kind = ModelField if parameter.key == "model" and registry.entries() else ParameterField
            self.fields[parameter.key] = kind(parameter, self.today.get(parameter.key))

    def clean_title(self) -> str:
        title: str = self.cleaned_data["title"]
        if len(title) > MAX_TITLE:
            raise forms.ValidationError(f"{len(title)} characters: at most {MAX_TITLE} fit.")
        return title

    def clean_version(self) -> int:
        version: int = self.cleaned_data["version"]
        if version > self.newest_version:
            raise forms.ValidationError("That version of the parameters does not exist.")
        return version

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and not self.changes:
            raise forms.ValidationError("Nothing would change yet: set at least one value to something new.")
        # What is in force may break its budget already; that stands in nobody's way who asks for others.
        spending = [] if self.errors else [key for key in _SPENDING if key in self.changes]
        if spending and (problem := energy.over_budget({**self.today, **self.changes})):
            self.add_error(spending[0], problem)
        return data

    @property
    def energy_words(self) -> str:
        """What a generation takes as things are, and what it may take; empty while nothing is known of
        either.
        """
        return energy.words(self.today)

    @property
    def changes(self) -> Mapping[str, Value]:
        """The values that the person changed and that aren't in force already, in their usual order."""
        seen = values_at(self.cleaned_data.get("version") or self.newest_version)
        return {
            parameter.key: self.cleaned_data[parameter.key]
            for parameter in PARAMETERS
            if parameter.key in self.cleaned_data
            and self.cleaned_data[parameter.key]
            not in (seen.get(parameter.key), self.today.get(parameter.key))
        }

    @property
    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """Title -> bound fields, for the page."""
        listed = {key for _, keys in GROUPS for key in keys}
        rest = tuple(key for key in self.today if key not in listed)
        groups = [(title, [self[key] for key in keys if key in self.today]) for title, keys in GROUPS]
        return groups + ([("More", [self[key] for key in rest])] if rest else [])


def _widget(parameter: Parameter) -> forms.Widget:
    attributes: dict[str, Any] = {"autocomplete": "off"}
    if parameter.kind == "number":
        attributes |= {
            "min": parameter.shown_min,
            "max": parameter.shown_max,
            "step": parameter.shown_step,
            "inputmode": "decimal",
        }
        return forms.NumberInput(attrs=attributes)
    if parameter.kind == "text":
        attributes["data-bytes"] = parameter.max_bytes
        if parameter.max_bytes > 200:
            return forms.Textarea(attrs={**attributes, "rows": 3})
        if parameter.key in _SUGGESTIONS:
            attributes["list"] = f"suggest-{parameter.key}"
        return forms.TextInput(attrs=attributes)
    return forms.TextInput(attrs={**attributes, "spellcheck": "false", "pattern": "0x[0-9a-fA-F]{64}"})
