"""The rich-text editor on the staff's forms. It offers what `newsroom.sanitising` lets through, and nothing else."""

from typing import TYPE_CHECKING, Any

from csp.constants import NONCE, SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django_prose_editor.fields import ProseEditorFormField
from django_prose_editor.widgets import AdminProseEditorWidget
from js_asset import Media

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

EXTENSIONS: dict[str, Any] = {
    "Bold": True,
    "Italic": True,
    "Strike": True,
    "Subscript": True,
    "Superscript": True,
    "Code": True,
    "Heading": {"levels": [2, 3]},
    "HardBreak": True,
    "BulletList": True,
    "OrderedList": True,
    "ListItem": True,
    "Blockquote": True,
    "HorizontalRule": True,
    "Link": {"enableTarget": False, "protocols": ["http", "https", "mailto", "tel"]},
    "SpecialCharacters": True,
}

# What the editor offers for articles only; drawn for readers by `newsroom.prose`.
PICTURES: dict[str, Any] = {
    "Picture": {"library": reverse_lazy("admin:image-library")},
    "FootNote": True,
}
# Pasted HTML goes through the server's own rules on its way into the editor.
PASTING: dict[str, Any] = {"TidyPaste": {"address": reverse_lazy("admin:article-tidy")}}

# The editor needs an inline import map, which the nonce allows, and writes inline styles while someone types; without
# them it saves other characters than were typed.
EDITOR_POLICY = {"script-src": [SELF, NONCE], "style-src": [SELF, UNSAFE_INLINE]}


class LabelledProseWidget(AdminProseEditorWidget):
    """The editor with a name for screen readers, which its own markup lacks."""

    @property
    def media(self) -> forms.Media:
        return forms.Media(js=["staff-editor.js"]) + super().media


def prose_field(*, label: "StrOrPromise", required: bool = False, has_pictures: bool = False) -> ProseEditorFormField:
    extensions = {**EXTENSIONS, **PICTURES, **PASTING} if has_pictures else EXTENSIONS
    return ProseEditorFormField(
        label=label, required=required, config={"extensions": extensions}, widget=LabelledProseWidget
    )


class ProseAdmin(admin.ModelAdmin):
    """An admin whose form holds the editor, with the policy the editor needs on that form alone."""

    @method_decorator(csp_update(EDITOR_POLICY))
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().changeform_view(request, *args, **kwargs)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["media"] = Media.from_media(context["media"], nonce=request.csp_nonce)  # type: ignore[attr-defined]
        return super().render_change_form(request, context, *args, **kwargs)
