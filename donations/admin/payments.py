from typing import Any

from django.contrib import admin
from django.db.models import Case, F, QuerySet, When
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from donations.admin import acting
from donations.admin.long_lists import CurrencyFilter, LongListAdmin
from donations.admin.showing import FactsInline, money_of, stripe_link
from donations.admin.summed_lists import SummedListAdmin, Total, add_up
from donations.models import Decline, Dispute, Payment, Refund, SafetyReturn
from donations.money import to_decimal
from newsroom.admin.facts import FactsAdmin
from newsroom.admin.watched import WatchedSearchAdmin


class RefundInline(FactsInline):
    model = Refund
    fields = ["created_at", "amount", "state", "reason", "failure_reason"]
    money = {"amount": "currency"}
    ordering = ["-created_at", "-pk"]


class DisputeInline(FactsInline):
    model = Dispute
    fields = ["created_at", "amount", "state", "reason", "answer_by", "balance_change"]
    money = {"amount": "currency"}
    ordering = ["-created_at", "-pk"]


def payment_totals(payments: QuerySet[Payment], *, most: int | None = None) -> list[Total]:
    """Add up payments by currency: what was paid, what went back or is held by a bank, and what is left."""
    paid = Case(When(state=Payment.State.PAID, then=F("gross")), default=0)
    back = F("refunded") + F("disputed")
    return add_up(payments, paid, back, paid - back, most=most)


class RepeatFilter(admin.SimpleListFilter):
    title = _("gifts made twice")
    parameter_name = "repeated"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Same sum within an hour"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Payment]) -> QuerySet[Payment]:
        return queryset.filter(repeats__isnull=False) if self.value() == "yes" else queryset


@admin.register(Payment)
class PaymentAdmin(WatchedSearchAdmin, SummedListAdmin):
    list_display = [
        "created_at",
        "gross_shown",
        "refunded_shown",
        "fee_shown",
        "net_shown",
        "state",
        "is_renewal",
        "is_repeated",
        "at_stripe",
    ]
    list_filter = [
        "state",
        CurrencyFilter,
        "created_at",
        "is_renewal",
        RepeatFilter,
        "frequency",
        "livemode",
    ]
    list_select_related = ["donation"]
    search_fields = ["=payment_intent_id", "=charge_id", "=invoice_id", "=donation__donor__email"]
    search_help_text = _("An exact address, or an id of Stripe's")
    ordering = ["-created_at", "-pk"]
    inlines = [RefundInline, DisputeInline]
    fields = [
        *("gross_shown", "refunded_shown", "disputed_shown", "settled_shown", "fee_shown", "net_shown"),
        *("state", "donation", "recurring_gift", "frequency", "is_renewal", "is_repeated", "method"),
        *("created_at", "paid_at", "gift_date"),
        *("payment_intent_id", "charge_id", "invoice_id", "livemode", "at_stripe"),
    ]
    readonly_fields = [*(name for name in map(str, fields) if name.endswith("_shown")), "is_repeated", "at_stripe"]
    total_headings = (_("paid"), _("went back or held"), _("kept"))
    columns = (
        "receipt", "day", "paid_at", "frequency", "renewal", "currency", "gross", "refunded", "disputed", "state",
        "fee", "net", "settled_in", "method", "article", "appeal", "campaign", "payment_intent",
    )  # fmt: skip
    change_form_template = "admin/donations/payment_change.html"

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("<int:pk>/refund/", self.admin_site.admin_view(acting.refund), name="donations_payment_refund"),
            path("<int:pk>/resend/", self.admin_site.admin_view(acting.resend), name="donations_payment_resend"),
        ]
        return own + super().get_urls()

    def totals_of(self, rows: QuerySet[Payment], *, most: int) -> list[Total]:
        return payment_totals(rows, most=most)

    def rows_to_export(self, queryset: QuerySet[Payment]) -> QuerySet[Payment]:
        return queryset.select_related("donation__article", "donation__appeal")

    def cells_of(self, row: Payment) -> list[Any]:
        donation, settled_in = row.donation, row.settled_currency
        return [
            row.receipt_number,
            row.gift_date,
            row.paid_at and row.paid_at.isoformat(),
            row.frequency,
            "yes" if row.is_renewal else "no",
            row.currency,
            to_decimal(row.gross, row.currency),
            to_decimal(row.refunded, row.currency),
            to_decimal(row.disputed, row.currency),
            row.state,
            "" if row.fee is None else to_decimal(row.fee, settled_in),
            "" if row.net is None else to_decimal(row.net, settled_in),
            settled_in,
            row.method,
            donation.article.headline if donation.article else "",
            donation.appeal.title if donation.appeal else "",
            donation.campaign,
            row.payment_intent_id,
        ]

    @admin.display(description=_("gross"), ordering="gross")
    def gross_shown(self, payment: Payment) -> str:
        return money_of(payment, "gross")

    @admin.display(description=_("refunded"))
    def refunded_shown(self, payment: Payment) -> str:
        return money_of(payment, "refunded") if payment.refunded else ""

    @admin.display(description=_("disputed"))
    def disputed_shown(self, payment: Payment) -> str:
        return money_of(payment, "disputed") if payment.disputed else ""

    @admin.display(description=_("settled"))
    def settled_shown(self, payment: Payment) -> str:
        return money_of(payment, "settled", "settled_currency")

    @admin.display(description=_("given twice?"))
    def is_repeated(self, payment: Payment) -> str:
        """Mark the second of two equal gifts within an hour, and lead to the first."""
        if payment.repeats_id is None:
            return ""
        address = reverse("admin:donations_payment_change", args=[payment.repeats_id])
        return format_html('<a class="mark" href="{}">{}</a>', address, _("Same sum as before"))

    @admin.display(description=_("fee"))
    def fee_shown(self, payment: Payment) -> str:
        return money_of(payment, "fee", "settled_currency")

    @admin.display(description=_("net"))
    def net_shown(self, payment: Payment) -> str:
        return money_of(payment, "net", "settled_currency")

    @admin.display(description=_("At Stripe"))
    def at_stripe(self, payment: Payment) -> str:
        return stripe_link(payment)


@admin.register(Refund)
class RefundAdmin(LongListAdmin):
    list_display = ["created_at", "amount_shown", "state", "reason", "failure_reason", "at_stripe"]
    list_filter = ["state", CurrencyFilter, "livemode"]
    list_select_related = ["payment"]
    search_fields = ["=stripe_id", "=payment__payment_intent_id"]
    ordering = ["-created_at", "-pk"]

    @admin.display(description=_("amount"))
    def amount_shown(self, refund: Refund) -> str:
        return money_of(refund, "amount")

    @admin.display(description=_("At Stripe"))
    def at_stripe(self, refund: Refund) -> str:
        return stripe_link(refund)


@admin.register(Dispute)
class DisputeAdmin(LongListAdmin):
    list_display = ["created_at", "amount_shown", "state", "reason", "answer_by", "at_stripe"]
    list_filter = ["state", CurrencyFilter, "livemode"]
    list_select_related = ["payment"]
    search_fields = ["=stripe_id", "=payment__payment_intent_id"]
    ordering = ["-created_at", "-pk"]

    @admin.display(description=_("amount"))
    def amount_shown(self, dispute: Dispute) -> str:
        return money_of(dispute, "amount")

    @admin.display(description=_("At Stripe"))
    def at_stripe(self, dispute: Dispute) -> str:
        return stripe_link(dispute)


@admin.register(SafetyReturn)
class SafetyReturnAdmin(FactsAdmin):
    list_display = ["created_at", "country", "state", "tries", "error", "done_at"]
    list_filter = ["state", "country"]
    ordering = ["-created_at", "-pk"]


@admin.register(Decline)
class DeclineAdmin(LongListAdmin):
    list_display = ["at", "code", "charge_id"]
    list_filter = ["code"]
    search_fields = ["=charge_id"]
    ordering = ["-at", "-pk"]
