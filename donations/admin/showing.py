"""Small pieces that the lists of this package share."""

from collections.abc import Callable
from functools import cache
from typing import Any, ClassVar, Protocol

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _

from donations.money import format_money


class FactsInline(admin.TabularInline):
    """Rows that belong to a fact, and are facts themselves. Sums stand as people write them, not in minor units."""

    extra = 0
    can_delete = False
    # The fields that are sums, each with the field of its currency.
    money: ClassVar[dict[str, str]] = {}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [self._written(str(name)) for name in super().get_fields(request, obj)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *map(self._written, self.money)]

    def _written(self, name: str) -> Any:
        return written(self.model._meta.label, name, self.money[name]) if name in self.money else name

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


@cache
def written(label: str, field: str, currency: str) -> Callable[[Any], str]:
    """Return a column or a field of the admin, of the model with this label, that shows a sum as people write it."""

    # A field's own words stay lazy, and so in the language of whoever reads.
    heading: Any = label_for_field(field, apps.get_model(label))

    @admin.display(description=heading, ordering=field)
    def shown(obj: Any) -> str:
        return money_of(obj, field, currency)

    return shown


def money_of(obj: Any, field: str, currency: str = "currency") -> str:
    amount = getattr(obj, field)
    return "" if amount is None else format_money(amount, getattr(obj, currency), exact=True)
