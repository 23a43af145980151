"""What may go wrong with giving: nobody gives, Stripe is silent, its events wait, or cards are being tried."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Max
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from donations import card_testing, stripe_api
from donations.models import Method, Payment, StripeEvent
from newsroom.registry import Watch

# The same day of the week.
A_YEAR = timedelta(days=364)
DAY = timedelta(days=1)
# Stripe tells of a payment within seconds, and repeats it for hours where the endpoint does not answer.
SILENCE = timedelta(minutes=30)
EVENT_PATIENCE = timedelta(minutes=30)
SILENT_WAY = timedelta(days=3)
WEEKS_BEFORE = timedelta(days=28)
# By chance alone none comes where nine would in one case of eight thousand.
GIFTS_EXPECTED = 9
FEWEST_GIFTS = GIFTS_EXPECTED * WEEKS_BEFORE.days // SILENT_WAY.days
DAYS_USED = 20


def nobody_gives(at: datetime) -> str:
    """Say how long nobody gave, where the same hours a year ago had gifts."""
    hours = timedelta(hours=settings.ALARM_QUIET_HOURS)
    paid = Payment.objects.filter(state=Payment.State.PAID, livemode=stripe_api.uses_live_mode())
    if paid.filter(created_at__gt=at - hours, created_at__lte=at).exists():
        return ""
    then = paid.filter(created_at__gt=at - A_YEAR - hours, created_at__lte=at - A_YEAR).count()
    if not then:
        return ""
    words = ngettext(
        "Nobody gave for %(hours)s hours. A year ago there was one gift in these hours.",
        "Nobody gave for %(hours)s hours. A year ago there were %(count)s gifts in these hours.",
        then,
    )
    return words % {"hours": settings.ALARM_QUIET_HOURS, "count": then}


def a_way_to_pay_is_silent(at: datetime) -> str:
    """Say which ways to pay nobody used for some days, where in the weeks before it was several gifts in such days.

    One way may be broken for long while the others hide it. Renewals show nothing, because nobody is at a page for
    them; and gifts of a few days together were an appeal's.
    """
    first = at - SILENT_WAY - WEEKS_BEFORE
    rows = Payment.objects.filter(
        is_renewal=False, livemode=stripe_api.uses_live_mode(), created_at__gt=first, created_at__lte=at
    )
    ways = rows.exclude(method="").values("method").order_by("method")
    ways = ways.annotate(
        gifts=Count("pk"), newest=Max("created_at"), days=Count(TruncDate("created_at"), distinct=True)
    )
    silent = ways.filter(newest__lte=at - SILENT_WAY, gifts__gte=FEWEST_GIFTS, days__gte=DAYS_USED)
    names = [str(dict(Method.choices).get(row["method"], row["method"])) for row in silent]
    if not names:
        return ""
    words = _(
        "Nobody gave with %(ways)s for %(days)s days, while the weeks before had %(count)s gifts and more in that time."
    )
    return words % {"ways": ", ".join(names), "days": SILENT_WAY.days, "count": GIFTS_EXPECTED}


def endpoint_is_silent(at: datetime) -> str:
    """Say since when there were payments of which Stripe told nothing here: they were found by asking."""
    payments = Payment.objects.filter(
        livemode=stripe_api.uses_live_mode(), created_at__gt=at - DAY, created_at__lte=at - SILENCE
    )
    newest = payments.order_by("-created_at", "-pk").values_list("created_at", flat=True).first()
    if newest is None or StripeEvent.objects.filter(received_at__gte=newest - timedelta(minutes=1)).exists():
        return ""
    return _("There was a payment at %(time)s UTC, and no event came since.") % {"time": f"{newest:%Y-%m-%d %H:%M}"}


def events_wait(at: datetime) -> str:
    """Say how many events were received and not applied for half an hour."""
    waiting = StripeEvent.objects.filter(state=StripeEvent.State.RECEIVED, received_at__lte=at - EVENT_PATIENCE).count()
    if not waiting:
        return ""
    return ngettext("%(count)s event waits.", "%(count)s events wait.", waiting) % {"count": waiting}


def cards_are_tried(at: datetime) -> str:
    if not card_testing.is_under_attack(at):
        return ""
    return _("Most cards of the last hour were refused.")


EVENTS = "admin:donations_stripeevent_changelist"
WATCHES = [
    Watch(
        "no-gifts",
        gettext_lazy("Nobody gives"),
        gettext_lazy(
            "Give a small sum yourself, from another network, and see where it stops. Look at Stripe's status page "
            "and at the account there: was it closed, or asked for papers?"
        ),
        nobody_gives,
        "admin:donations_payment_changelist",
    ),
    Watch(
        "no-gifts-by-method",
        gettext_lazy("Nobody gives in one of the ways to pay"),
        gettext_lazy(
            "Try that way yourself, on a device that people use for it. See in Stripe's dashboard whether it is "
            "switched on, and in the payment method rules whether it is offered."
        ),
        a_way_to_pay_is_silent,
        "admin:donations_payment_changelist",
    ),
    Watch(
        "events-silent",
        gettext_lazy("Stripe's events do not arrive"),
        gettext_lazy(
            "In Stripe's dashboard, under Developers and Webhooks, see whether the endpoint is switched off and what "
            "it was answered. Then run manage.py reconcile --apply. No payment is lost meanwhile."
        ),
        endpoint_is_silent,
        EVENTS,
    ),
    Watch(
        "events-wait",
        gettext_lazy("Stripe's events are not applied"),
        gettext_lazy("See whether a worker runs (/readyz), and read the error beside the oldest event."),
        events_wait,
        EVENTS,
    ),
    Watch(
        "card-testing",
        gettext_lazy("Somebody is trying stolen cards"),
        gettext_lazy(
            "Until this ends, everyone who gives is asked to press a button in a mail first. Nothing else was closed; "
            "you can close the form in the terms of giving."
        ),
        cards_are_tried,
        "admin:donations_decline_changelist",
    ),
]
