"""Small pieces that the lists of this package share."""

from typing import Any, Protocol

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _

from donations.money import format_money


class FactsInline(admin.TabularInline):
    """Rows that belong to a fact, and are facts themselves."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class InDashboard(Protocol):
    @property
    def dashboard_url(self) -> str: ...


def stripe_link(obj: InDashboard) -> str:
    """Link to the object in Stripe's dashboard, in the mode it belongs to."""
    address = obj.dashboard_url
    return format_html('<a href="{}" rel="noreferrer">{}</a>', address, _("At Stripe")) if address else ""


def money_of(obj: Any, field: str, currency: str = "currency") -> str:
    amount = getattr(obj, field)
    return "" if amount is None else format_money(amount, getattr(obj, currency), exact=True)
