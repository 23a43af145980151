from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from newsroom.addresses import InvalidAddress, normalise_email
from subscriptions.models import Newsletter, UnsubscribeReason
from subscriptions.preferences import PAUSES, Wish
from subscriptions.statements import Statement
from subscriptions.typing_mistakes import is_disposable, is_role_without_reader, likely_domain


class AddressForm(forms.Form):
    """An address in its normal form."""

    email = forms.CharField(
        label=_("Your email address"),
        max_length=254,
        error_messages={
            "required": _("Please write your email address."),
            "max_length": _("This address is too long to be one."),
        },
    )

    def clean_email(self) -> str:
        try:
            return normalise_email(self.cleaned_data["email"])
        except InvalidAddress as error:
            raise ValidationError(
                _("This does not look like an email address. Please check it for typing mistakes."), code="address"
            ) from error


class SignupForm(AddressForm):
    """An address and a tick. The statement holds what the tick says; the form's fingerprint shows that it was read."""

    consent = forms.BooleanField(
        error_messages={
            "required": _("We write to you only if you tick the box: it is your express consent. Your address is kept.")
        },
    )
    # Nobody sees this field; a program that fills every field gives itself away.
    website = forms.CharField(label=_("Leave this field empty"), required=False, max_length=500)
    page = forms.CharField(required=False, max_length=300)
    statement = forms.CharField(required=False, max_length=64)

    def __init__(self, *args: Any, statement: Statement, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shown = statement
        # The address about which the reader was asked back; the form carries it, so that the second time it passes.
        self.unsure = ""

    def clean_email(self) -> str:
        """Ask back once about an address that looks mistyped or short-lived; sent again, it is taken as meant."""
        email = super().clean_email()
        if is_role_without_reader(email):
            raise ValidationError(_("This address belongs to a machine. Please write one that a person reads."), "role")
        local, _at, domain = email.rpartition("@")
        if self.data.get("sure") == email:
            return email
        meant = likely_domain(domain)
        if is_disposable(domain):
            self.unsure = email
            raise ValidationError(
                _(
                    "Mailboxes at %(domain)s are soon gone, and others may be able to read them. If this is what you "
                    "want, just send it again."
                ),
                code="disposable",
                params={"domain": domain},
            )
        if meant:
            self.unsure = email
            raise ValidationError(
                _("Did you mean %(address)s? If your address is right as it stands, just send it again."),
                code="typo",
                params={"address": f"{local}@{meant}"},
            )
        return email

    @property
    def is_trapped(self) -> bool:
        return bool(self.data.get("website"))

    def clean_page(self) -> str:
        page = self.cleaned_data["page"]
        return page if page.startswith("/") else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "consent" in cleaned and cleaned.get("statement") != self.shown.fingerprint:
            self.add_error(
                "consent",
                ValidationError(
                    _("The words beside the box have changed since you opened this page. Please read and tick again."),
                    code="words",
                ),
            )
        return cleaned


class PreferenceForm(forms.Form):
    """One change to one newsletter on the reader's own page."""

    newsletter = forms.ModelChoiceField(Newsletter.objects.all(), to_field_name="slug")
    change = forms.ChoiceField(choices=[(word, word) for word in ("on", "off", "pause", "resume")])
    weeks = forms.TypedChoiceField(choices=[(weeks, weeks) for weeks in PAUSES], coerce=int, required=False)
    statement = forms.CharField(required=False, max_length=64)

    def wish(self) -> Wish:
        data = self.cleaned_data
        return Wish(data["newsletter"], data["change"], data["weeks"] or None, data["statement"])


class LanguageForm(forms.Form):
    language = forms.ChoiceField(choices=settings.LANGUAGES)


class ReasonForm(forms.Form):
    reason = forms.ChoiceField(
        label=_("Why did you leave?"), choices=UnsubscribeReason.Reason.choices, widget=forms.RadioSelect
    )
