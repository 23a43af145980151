"""People who try stolen cards: noticing them by their declines, and asking for a mailed link meanwhile."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from donations.models import CheckoutSession, Decline, Donation, Payment, current_terms
from newsroom import tokens
from newsroom.addresses import address_hash
from newsroom.mail import queue_mail

WINDOW = timedelta(hours=1)
# Below this number a bad hour is only a bad hour.
FEWEST_DECLINES = 30
# In an ordinary hour most cards are good; where four of five are refused, somebody is trying them.
DECLINES_PER_PAYMENT = 4
MOST_DECLINES_PER_SESSION = 5

LINK_PURPOSE = "give"
LINK_LIFE = timedelta(hours=2)


def is_under_attack(at: datetime) -> bool:
    """Say whether the last hour's declines look like card testing. Two short index scans."""
    declines = Decline.objects.filter(at__gt=at - WINDOW, at__lte=at).count()
    if declines < FEWEST_DECLINES:
        return False
    paid = Payment.objects.filter(created_at__gt=at - WINDOW, created_at__lte=at, state=Payment.State.PAID).count()
    return declines >= DECLINES_PER_PAYMENT * paid


def send_link(donation: Donation, *, at: datetime) -> None:
    """Mail the button that leads on to Stripe's page, at most once an hour for one attempt and address."""
    token = tokens.sign(LINK_PURPOSE, _name(donation))
    with transaction.atomic():
        queue_mail(
            key=f"give-link:{_name(donation)}:{at:%Y-%m-%dT%H}",
            template="give_link",
            to=donation.email,
            context={
                "amount": donation.total_written,
                "frequency": donation.frequency,
                "is_discreet": current_terms().is_discreet,
                "url": settings.SITE_URL + reverse("donations:go", args=[donation.attempt_key, token]),
            },
            language=donation.language,
            at=at,
        )


def link_is_good(donation: Donation, token: str) -> bool:
    """Say whether a link was mailed to the address that the attempt names now: it proves that one and no other."""
    try:
        return bool(tokens.read(LINK_PURPOSE, token, max_age=LINK_LIFE) == _name(donation))
    except tokens.BadToken:
        return False


def _name(donation: Donation) -> str:
    """Name an attempt of one address, without the address: the name stands in a link."""
    return f"{donation.attempt_key}:{address_hash(donation.email).rpartition(':')[2][:24]}"


def sessions_to_close() -> list[int]:
    """Return the open sessions on which too many cards were refused."""
    rows = CheckoutSession.objects.filter(state=CheckoutSession.State.OPEN, declines__gte=MOST_DECLINES_PER_SESSION)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:100])
