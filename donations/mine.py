"""The donor's own page: a mailed link that works once, and what the donor may see, take along and erase."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import F, Model, QuerySet
from django.urls import reverse

from donations import keeping, safety, stripe_api
from donations.models import (
    CheckoutSession,
    Decline,
    Dispute,
    Donation,
    Donor,
    DonorLink,
    LinkRequest,
    Payment,
    RecurringGift,
    Refund,
    StripeCustomer,
    YearlyStatement,
    current_terms,
)
from donations.money import to_decimal
from newsroom import registry
from newsroom.limits import allow
from newsroom.mail import queue_mail
from newsroom.personal_data import facts, facts_of, rows_of
from newsroom.waking import wake

LINK_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(minutes=30)
SESSION_SALT = "donations.mine"
PER_NETWORK = "20/hour"
PER_ADDRESS = "5/hour"


class TooManyRequests(Exception):
    """This network, or all together, asked too often. It is never about the address."""


class LinkSpent(Exception):
    """The link was used, is too old, or never was."""


def ask_for_link(email: str, *, network: str, at: datetime) -> None:
    """Keep a request for a link: the same work for every address. Raises TooManyRequests."""
    if not allow("mine.network", network, rate=PER_NETWORK) or not allow("mine.together", rate="2000/hour"):
        raise TooManyRequests
    with transaction.atomic():
        request = LinkRequest.objects.create(email=email, requested_at=at)
        wake("donations.tasks.handle_link_request", request.pk)


def handle_request(pk: int, *, at: datetime) -> None:
    """Mail a link if the address is a donor's, and delete the request either way."""
    request = LinkRequest.objects.filter(pk=pk).first()
    if request is None:
        return
    is_allowed = allow("mine.address", request.email, rate=PER_ADDRESS)
    with transaction.atomic():
        if not LinkRequest.objects.select_for_update(skip_locked=True).filter(pk=pk).exists():
            return
        donor = Donor.objects.filter(email=request.email).first()
        if donor is not None and is_allowed:
            _mail_link(donor, at=at)
        LinkRequest.objects.filter(pk=pk).delete()


def waiting_requests() -> list[int]:
    return list(LinkRequest.objects.order_by("pk").values_list("pk", flat=True)[:500])


def _mail_link(donor: Donor, *, at: datetime) -> None:
    token = secrets.token_urlsafe(32)
    link = DonorLink.objects.create(donor=donor, token_hash=_hash(token), created_at=at, expires_at=at + LINK_LIFE)
    queue_mail(
        key=f"gift-link:{link.pk}",
        template="gift_link",
        to=str(donor.email),
        context={
            "url": settings.SITE_URL + reverse("donations:mine-open", args=[token]),
            "is_discreet": current_terms().is_discreet,
        },
        language=donor.language,
        at=at,
    )


def is_good(token: str, *, at: datetime) -> bool:
    return DonorLink.objects.filter(token_hash=_hash(token), used_at__isnull=True, expires_at__gt=at).exists()


@transaction.atomic
def use_link(token: str, *, at: datetime) -> Donor:
    """Consume a link and return its donor, whose address is proven by it. Raises LinkSpent.

    One conditional UPDATE decides, so of two simultaneous uses one wins.
    """
    unused = DonorLink.objects.filter(token_hash=_hash(token), used_at__isnull=True, expires_at__gt=at)
    if unused.update(used_at=at) != 1:
        raise LinkSpent
    donor = Donor.objects.select_for_update().get(links__token_hash=_hash(token))
    if donor.email_confirmed_at is None:
        donor.email_confirmed_at = at
        donor.save(update_fields=["email_confirmed_at"])
    return donor


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def session_value(donor: Donor) -> str:
    """Return the cookie's value: the donor's number, signed, with the time."""
    return signing.dumps(donor.pk, salt=SESSION_SALT)


def donor_of_session(value: str) -> Donor | None:
    try:
        pk = signing.loads(value, salt=SESSION_SALT, max_age=SESSION_LIFE)
    except signing.BadSignature:
        return None
    return Donor.objects.filter(pk=pk, erased_at__isnull=True).first()


def gifts_of(donor: Donor) -> list[RecurringGift]:
    rows = RecurringGift.objects.filter(donation__donor=donor).select_related("donation", "customer")
    return list(rows.order_by(F("ended_at").asc(nulls_first=True), "-started_at", "-pk"))


def gift_of(donor: Donor, pk: int) -> RecurringGift | None:
    """Return a gift of this donor's own; nobody else's is found, whatever number is asked for."""
    rows = RecurringGift.objects.filter(donation__donor=donor, pk=pk).select_related("donation", "customer")
    return rows.first()


def payments_of(donor: Donor) -> list[Payment]:
    rows = Payment.objects.filter(donation__donor=donor, state=Payment.State.PAID).select_related("donation")
    return list(rows.order_by("-paid_at", "-pk")[:500])


def export(address: str) -> dict[str, Any]:
    """Return everything this package holds about the donor behind a normalised address, as JSON.

    The declarations beside the models say what is exported of each row; amounts are written as people write them.
    """
    return {
        "donor": facts_of(Donor, address),
        "donations": [
            {**facts(one), "amount": str(to_decimal(one.total, one.currency))} for one in rows_of(Donation, address)
        ],
        "visits_to_stripe": facts_of(CheckoutSession, address),
        "recurring_gifts": facts_of(RecurringGift, address),
        "payments": [_payment_facts(one) for one in rows_of(Payment, address)],
        "refunds": facts_of(Refund, address),
        "disputes": facts_of(Dispute, address),
        "declined_charges": facts_of(Decline, address),
        "customers_at_stripe": facts_of(StripeCustomer, address),
        "links": facts_of(DonorLink, address),
        "requests_for_links": facts_of(LinkRequest, address),
        "statements": [{"number": one.number, **facts(one)} for one in rows_of(YearlyStatement, address)],
    }


def _payment_facts(payment: Payment) -> dict[str, Any]:
    return {
        "receipt": payment.receipt_number,
        **facts(payment),
        "amount": str(to_decimal(payment.gross, payment.currency)),
        "refunded": str(to_decimal(payment.refunded, payment.currency)),
    }


def end_gifts(address: str, at: datetime) -> None:
    """End at Stripe every living recurring gift of the donor behind a normalised address. For the registry.

    Once the person is erased nobody could end them any more. Raises registry.CannotLeaveNow.
    """
    donor = Donor.objects.filter(email=address).first()
    for gift in gifts_of(donor) if donor is not None else []:
        if gift.state != RecurringGift.State.ENDED:
            try:
                keeping.cancel(gift, at=at, reason="the donor erased their data")
            except stripe_api.StripeError as error:
                raise registry.CannotLeaveNow from error


def erase_person(address: str, at: datetime) -> None:
    """Erase the person behind a normalised address here; payments stay without a person. For the registry."""
    LinkRequest.objects.filter(email=address).delete()
    for donation in Donation.objects.select_for_update().filter(email=address).order_by("pk"):
        safety.forget(donation, at=at)
    donor = Donor.objects.select_for_update().filter(email=address).first()
    if donor is None:
        return
    forget_donor(donor, at=at)


def forget_donor(donor: Donor, *, at: datetime) -> None:
    """Empty a locked donor's row and what their gifts say of them. The money stays without a person."""
    donor.donations.update(email="", name="", note="", erased_at=at)
    CheckoutSession.objects.filter(donation__donor=donor).update(parameters={}, url="")
    safety.erase_donor(donor, at=at)


def rows_seen_by_staff(address: str) -> list[Model]:
    """Return the rows whose pages in the admin show the donor behind a normalised address."""
    return [*rows_of(Donor, address), *rows_of(Donation, address)]


def is_donor(address: str) -> bool:
    return donors().filter(email=address).exists()


def donors() -> QuerySet[Donor]:
    """Return everybody who gave and was not erased, by address."""
    return Donor.objects.filter(email__isnull=False)
