"""Lists and pages of persons: who looked at whom, and for which address somebody searched, is written down."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from newsroom.addresses import InvalidAddress, address_hash, normalise_email
from newsroom.history import record


class WatchedSearchAdmin(admin.ModelAdmin):
    """An admin whose list names nobody and is searched by address. It leaves a row of the history for each search."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().changelist_view(request, extra_context)
        words = request.GET.get("q", "").strip()
        if request.method == "GET" and response.status_code == 200:
            if words:
                self._note(request, "searched", {"address_hash": _hashed(words)})
            elif self.names_people_in_list(request, response):
                self._note(request, "listed", {"filter": sorted(request.GET)})
        return response

    def _note(self, request: HttpRequest, deed: str, after: dict[str, Any]) -> None:
        record(self.model(), action=f"{self.opts.model_name}.{deed}", actor=request.user, after=after)

    def names_people_in_list(self, request: HttpRequest, response: Any) -> bool:
        """Say whether a page of the list shows persons by address, so that leafing through it is a look at them."""
        return False


class WatchedAdmin(WatchedSearchAdmin):
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

    def names_people_in_list(self, request: HttpRequest, response: Any) -> bool:
        found = (getattr(response, "context_data", None) or {}).get("cl")
        return found is not None and bool(found.result_list)


def _hashed(words: str) -> str:
    """Return the keyed hash of the address that was looked for, and nothing of any other words."""
    try:
        return address_hash(normalise_email(words))
    except InvalidAddress:
        return ""
