from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from donations.admin.showing import FactsInline
from donations.models import Donation, Donor, StripeCustomer
from newsroom.admin.facts import FactsAdmin


class DonationInline(FactsInline):
    model = Donation
    fields = ["created_at", "frequency", "amount", "fee_cover", "currency", "state"]
    ordering = ["-created_at", "-pk"]
    show_change_link = True


@admin.register(Donor)
class DonorAdmin(FactsAdmin):
    list_display = ["__str__", "email", "name", "language", "created_at", "email_confirmed_at", "erased_at"]
    list_filter = ["language", ("erased_at", admin.EmptyFieldListFilter)]
    search_fields = ["=email", "name"]
    search_help_text = _("An exact address, or a name")
    ordering = ["-created_at", "-pk"]
    inlines = [DonationInline]

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Donor], search_term: str) -> tuple[Any, bool]:
        # Addresses are stored in lower case, and people copy them as they were written.
        return super().get_search_results(request, queryset, search_term.lower() if "@" in search_term else search_term)


@admin.register(StripeCustomer)
class StripeCustomerAdmin(FactsAdmin):
    list_display = ["stripe_id", "donor", "created_at", "livemode"]
    list_select_related = ["donor"]
    search_fields = ["=stripe_id", "=donor__email"]
    ordering = ["-created_at", "-pk"]
