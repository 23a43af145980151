"""Lists and pages of persons: who looked at whom, and for which address somebody searched, is written down."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from newsroom.addresses import InvalidAddress, address_hash, normalise_email
from newsroom.history import record


class WatchedAdmin(admin.ModelAdmin):
    """An admin whose pages show a person. It leaves a row of the history, without the address, for each look."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> Any:
        response = super().change_view(request, object_id, form_url, extra_context)
        if request.method == "GET" and response.status_code == 200:
            shown = self.get_object(request, object_id)
            if shown is not None:
                record(shown, action=f"{self.opts.model_name}.viewed", actor=request.user)
        return response

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().changelist_view(request, extra_context)
        words = request.GET.get("q", "").strip()
        if request.method == "GET" and response.status_code == 200 and words:
            record(
                self.model(),
                action=f"{self.opts.model_name}.searched",
                actor=request.user,
                after={"address_hash": _hashed(words)},
            )
        return response


def _hashed(words: str) -> str:
    """Return the keyed hash of the address that was looked for, and nothing of any other words."""
    try:
        return address_hash(normalise_email(words))
    except InvalidAddress:
        return ""
