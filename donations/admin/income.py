"""The page on income by article and appeal, and the page of one of them."""

from datetime import date, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from donations import income
from donations.models import Income, current_terms
from newsroom.admin.facts import FactsAdmin

PERIODS = (30, 90, 365)
USUAL_PERIOD = 90


@admin.register(Income)
class IncomeAdmin(FactsAdmin):
    """No list of rows: the entry in the menu leads to sums."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("donations.view_payment")

    def get_urls(self) -> list[URLPattern]:
        return [
            path("", self.admin_site.admin_view(self.overview), name="donations_income_changelist"),
            path("<slug:source>/<int:pk>/", self.admin_site.admin_view(self.one), name="donations_income_one"),
        ]

    def overview(self, request: HttpRequest) -> HttpResponse:
        """Show which articles, or which appeals, brought in most during the last days."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        source = _source(request.GET.get("by", "article"))
        days = _days(request) or USUAL_PERIOD
        since, until = _period(days)
        context = {
            "title": _("Income by article") if source == "article" else _("Income by appeal"),
            "source": source,
            "days": days,
            "periods": PERIODS,
            "sections": income.by_source(source, since=since, until=until),
        }
        return self._page(request, context)

    def one(self, request: HttpRequest, source: str, pk: int) -> HttpResponse:
        """Show what one article or appeal brought in, since it was published unless fewer days are asked for."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        thing: Any = get_object_or_404(income.SOURCES[_source(source)]._default_manager.all(), pk=pk)
        days = _days(request)
        since, until = _period(days)
        context = {
            "title": _("Income of “%(title)s”") % {"title": thing},
            "thing": thing,
            "back": reverse(f"admin:{thing._meta.app_label}_{thing._meta.model_name}_change", args=[pk]),
            "source": source,
            "days": days,
            "periods": PERIODS,
            "sections": income.of_one(source, pk, since=since if days else None, until=until),
        }
        return self._page(request, context)

    def _page(self, request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
        common = {**self.admin_site.each_context(request), "opts": self.model._meta}
        return TemplateResponse(request, "admin/donations/income.html", {**common, **context})


def _source(word: str) -> str:
    if word not in income.SOURCES:
        raise Http404
    return word


def _days(request: HttpRequest) -> int | None:
    """Return the days that are asked for, None where none of the offered ones is."""
    text = request.GET.get("days", "")
    return next((days for days in PERIODS if text == str(days)), None)


def _period(days: int | None) -> tuple[date, date]:
    """Return the first and last day of a period that ends today, in the time zone of the gifts' own days."""
    today = timezone.now().astimezone(current_terms().tax_zone).date()
    return today - timedelta(days=(days or USUAL_PERIOD) - 1), today
