"""Choosing the language of a row."""

from typing import Any

from django import forms
from django.conf import settings
from django.conf.locale import LANG_INFO
from django.utils.translation import gettext as _


class LanguageForm(forms.ModelForm):
    """A form whose row has a `language`: one of the site's, or the row's own that was taken away from the site since.

    Without its own among the choices a browser would send the first, and saving a typing mistake would move the row
    to another edition.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("language")
        if field is None:
            return
        choices: list[tuple[str, Any]] = list(settings.LANGUAGES)
        stored = self.instance.language if self.instance.pk else ""
        if stored and stored not in dict(choices):
            choices.append((stored, _(LANG_INFO.get(stored, {}).get("name", stored))))
        self.fields["language"] = forms.ChoiceField(
            label=field.label, choices=choices, initial=field.initial, help_text=field.help_text
        )
