from typing import Any

from django.contrib import admin
from django.db.models import Case, F, QuerySet, When
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from donations.admin import acting
from donations.admin.long_lists import CampaignFilter, CurrencyFilter, LongListAdmin
from donations.admin.showing import FactsInline, money_of, stripe_link
from donations.admin.summed_lists import SummedListAdmin, Total, add_up
from donations.models import CheckoutSession, Donation, Payment, RecurringGift
from donations.money import to_decimal
from newsroom.admin.watched import WatchedAdmin, WatchedSearchAdmin


class CheckoutSessionInline(FactsInline):
    model = CheckoutSession
    fields = ["number", "state", "stripe_id", "declines", "created_at", "expires_at"]
    ordering = ["number"]


class PaymentInline(FactsInline):
    model = Payment
    fk_name = "donation"
    fields = ["payment_intent_id", "state", "gross", "refunded", "disputed", "fee", "net", "paid_at"]
    money = {
        **dict.fromkeys(("gross", "refunded", "disputed"), "currency"),
        **dict.fromkeys(("fee", "net"), "settled_currency"),
    }
    ordering = ["-created_at", "-pk"]
    show_change_link = True


@admin.register(Donation)
class DonationAdmin(WatchedAdmin, SummedListAdmin):
    list_display = ["created_at", "sum", "frequency", "state", "donor", "article", "appeal", "livemode"]
    list_filter = ["state", "frequency", CurrencyFilter, "created_at", "appeal", CampaignFilter, "livemode"]
    list_select_related = ["donor", "article", "appeal"]
    search_fields = ["=donor__email", "=email", "=sessions__stripe_id", "=payments__payment_intent_id"]
    search_help_text = _("An exact address, or an id of Stripe's")
    ordering = ["-created_at", "-pk"]
    inlines = [CheckoutSessionInline, PaymentInline]
    exclude = ["attempt_key"]
    total_headings = (_("chosen"), _("of it given"))
    columns = (
        "donation", "started_at", "frequency", "currency", "amount", "fee_cover", "state", "in_state_since", "language",
        "article", "appeal", "campaign", "anonymous",
    )  # fmt: skip

    def names_people_in_list(self, request: HttpRequest, response: Any) -> bool:
        return False

    def totals_of(self, rows: QuerySet[Donation], *, most: int) -> list[Total]:
        chosen = F("amount") + F("fee_cover")
        given = Case(When(state__in=(Donation.State.GIVEN, Donation.State.ENDED), then=chosen), default=0)
        return add_up(rows, chosen, given, most=most)

    def rows_to_export(self, queryset: QuerySet[Donation]) -> QuerySet[Donation]:
        return queryset.select_related("article", "appeal")

    def cells_of(self, row: Donation) -> list[Any]:
        return [
            row.pk,
            row.created_at.isoformat(),
            row.frequency,
            row.currency,
            to_decimal(row.amount, row.currency),
            to_decimal(row.fee_cover, row.currency),
            row.state,
            row.state_at.isoformat(),
            row.language,
            row.article.headline if row.article else "",
            row.appeal.title if row.appeal else "",
            row.campaign,
            "yes" if row.is_anonymous else "no",
        ]

    @admin.display(description=_("sum"))
    def sum(self, donation: Donation) -> str:
        return money_of(donation, "total")


@admin.register(RecurringGift)
class RecurringGiftAdmin(WatchedSearchAdmin, LongListAdmin):
    list_display = ["started_at", "amount_now", "frequency", "state", "donor", "period_ends_at", "at_stripe"]
    list_filter = ["state", CurrencyFilter, "frequency", "livemode"]
    list_select_related = ["donation__donor"]
    search_fields = ["=stripe_id", "=donation__donor__email"]
    search_help_text = _("An exact address, or an id of Stripe's")
    ordering = ["-started_at", "-pk"]
    readonly_fields = ["at_stripe"]
    change_form_template = "admin/donations/recurring_gift_change.html"

    def get_urls(self) -> list[URLPattern]:
        own = path("<int:pk>/end/", self.admin_site.admin_view(acting.cancel), name="donations_recurringgift_end")
        return [own, *super().get_urls()]

    @admin.display(description=_("amount"))
    def amount_now(self, gift: RecurringGift) -> str:
        return money_of(gift, "amount")

    @admin.display(description=_("donor"))
    def donor(self, gift: RecurringGift) -> str:
        return str(gift.donation.donor or "")

    @admin.display(description=_("At Stripe"))
    def at_stripe(self, gift: RecurringGift) -> str:
        return stripe_link(gift)
