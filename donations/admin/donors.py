from typing import Any

from django.contrib import admin
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _

from donations.admin.long_lists import LanguageFilter, LongListAdmin
from donations.admin.payments import payment_totals
from donations.admin.showing import FactsInline
from donations.admin.summed_lists import SummedListAdmin, Total
from donations.models import Donation, Donor, Payment, StripeCustomer
from donations.money import to_decimal
from newsroom.admin.facts import EstimatingPaginator
from newsroom.admin.watched import WatchedAdmin, WatchedSearchAdmin


class DonationInline(FactsInline):
    model = Donation
    fields = ["created_at", "frequency", "amount", "fee_cover", "state"]
    money = dict.fromkeys(("amount", "fee_cover"), "currency")
    ordering = ["-created_at", "-pk"]
    show_change_link = True


@admin.register(Donor)
class DonorAdmin(WatchedAdmin, SummedListAdmin):
    list_display = ["__str__", "email", "name", "language", "created_at", "email_confirmed_at", "erased_at"]
    list_filter = [LanguageFilter, ("erased_at", admin.EmptyFieldListFilter)]
    search_fields = ["=email", "name"]
    search_help_text = _("An exact address, or the beginning of a name")
    ordering = ["-created_at", "-pk"]
    inlines = [DonationInline]
    # What is added up are the payments of the donors in the list, of which some have many and some none.
    adds_up_itself = False
    most_added_up = EstimatingPaginator.EXACT_UP_TO
    total_headings = (_("paid"), _("went back or held"), _("kept"))
    columns = ("donor", "address", "name", "language", "since", "address_proven_at", "payments", "kept")
    export_permission = "donations.export_donor"
    names_people = True

    def totals_of(self, rows: QuerySet[Donor], *, most: int) -> list[Total]:
        listed = rows.order_by().values("pk")[:most]
        return payment_totals(Payment.objects.filter(donation__donor__in=listed, state=Payment.State.PAID))

    def rows_to_export(self, queryset: QuerySet[Donor]) -> QuerySet[Donor]:
        paid = Payment.objects.filter(donation__donor=OuterRef("pk"), state=Payment.State.PAID).order_by("currency")
        kept = Sum(F("gross") - F("refunded") - F("disputed"))
        by_currency = paid.values("currency").annotate(
            facts=JSONObject(currency=F("currency"), kept=kept, number=Count("pk"))
        )
        return queryset.annotate(sums=ArraySubquery(by_currency.values("facts")))

    def cells_of(self, row: Any) -> list[Any]:
        kept = (f"{one['currency']} {to_decimal(one['kept'], one['currency'])}" for one in row.sums)
        return [
            row.pk,
            row.email,
            row.name,
            row.language,
            row.created_at.isoformat(),
            row.email_confirmed_at and row.email_confirmed_at.isoformat(),
            sum(one["number"] for one in row.sums),
            "; ".join(kept),
        ]

    def exactly(self, field: str, words: str) -> Q:
        # A name is found by its beginning, in upper or lower case; that has an index of its own.
        return Q(name__istartswith=words) if field == "name" else super().exactly(field, words)


@admin.register(StripeCustomer)
class StripeCustomerAdmin(WatchedSearchAdmin, LongListAdmin):
    list_display = ["stripe_id", "donor", "created_at", "livemode"]
    list_select_related = ["donor"]
    search_fields = ["=stripe_id", "=donor__email"]
    ordering = ["-created_at", "-pk"]
