from django import forms
from django.utils.translation import gettext_lazy as _

from newsroom.addresses import InvalidAddress, normalise_email


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

    def clean_email(self) -> str:
        try:
            return normalise_email(self.cleaned_data["email"])
        except InvalidAddress:
            raise forms.ValidationError(_("This does not look like an email address. Please check it.")) from None

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())
