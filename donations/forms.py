from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from donations.reminder_words import Disclosure
from newsroom.addresses import InvalidAddress, normalise_email
from subscriptions.consent import Box


class LinkForm(forms.Form):
    """The address to which a link to the donor's page is mailed."""

    email = forms.CharField(
        label=_("Email address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"required": _("Please write the address under which you gave.")},
    )

    def clean_email(self) -> str:
        return _address(self.cleaned_data["email"])


def _address(text: str) -> str:
    try:
        return normalise_email(text)
    except InvalidAddress:
        raise forms.ValidationError(_("This does not look like an email address. Please check it.")) from None


class AttemptForm(forms.Form):
    """What the reader adds on the attempt's page to what they chose on the form."""

    email = forms.CharField(
        label=_("Email address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        error_messages={"required": _("Please write your email address: the receipt goes there.")},
    )
    covers_fee = forms.BooleanField(required=False)
    name = forms.CharField(
        label=_("Name for the receipt"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    is_public = forms.BooleanField(label=_("You may name me among your supporters"), required=False)
    note = forms.CharField(
        label=_("Dedication or note to the newsroom"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    newsletter = forms.BooleanField(required=False)
    newsletter_statement = forms.CharField(required=False, max_length=64)

    def __init__(self, *args: Any, box: Box | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.box = box

    def clean_email(self) -> str:
        return _address(self.cleaned_data["email"])

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        shown = self.box.statement.fingerprint if self.box is not None else ""
        if cleaned.get("newsletter") and cleaned.get("newsletter_statement") != shown:
            self.add_error(
                "newsletter",
                _("The words beside the box have changed since you opened this page. Please read and tick again."),
            )
        return cleaned

    @property
    def wished_newsletter(self) -> Box | None:
        """The newsletter box, if the reader of a valid form has ticked it."""
        return self.box if self.cleaned_data["newsletter"] else None


class ReminderForm(forms.Form):
    """An address and a time. The fingerprint shows that the words above the button were the present ones."""

    email = forms.CharField(
        max_length=254,
        error_messages={
            "required": _("Please write your email address."),
            "max_length": _("This address is too long to be one."),
        },
    )
    # Nobody sees this field; a program that fills every field gives itself away.
    website = forms.CharField(required=False, max_length=500)
    statement = forms.CharField(required=False, max_length=64)

    def __init__(self, *args: Any, shown: Disclosure, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shown = shown
        self.fields["when"] = forms.ChoiceField(
            choices=shown.spans,
            error_messages={
                "required": _("Please choose a time."),
                "invalid_choice": _("Please choose one of these times."),
            },
        )

    @property
    def is_trapped(self) -> bool:
        return bool(self.data.get("website"))

    def clean_email(self) -> str:
        return _address(self.cleaned_data["email"])

    def clean_statement(self) -> str:
        fingerprint: str = self.cleaned_data["statement"]
        if fingerprint != self.shown.statement.fingerprint:
            raise forms.ValidationError(
                _("These words have changed since you opened the page. Please read them and press the button again.")
            )
        return fingerprint
