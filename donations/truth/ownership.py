"""Which donation an object at Stripe belongs to, and writing the donation again where its row was lost."""

from datetime import datetime
from typing import Any

from django.db import transaction

from donations import stripe_api
from donations.metadata import GiftMetadata, decode
from donations.models import Appeal, Donation, Donor, StripeCustomer
from newsroom.addresses import InvalidAddress, normalise_email
from newsroom.models import Article


class NotOurs(Exception):
    """The object belongs to something else on a shared account, or to the other mode. The message says which."""


def check_mode(obj: Any) -> None:
    """Refuse an object of the mode in which this site does not work. Raises NotOurs."""
    if obj.livemode is not stripe_api.uses_live_mode():
        raise NotOurs("live object in test mode" if obj.livemode else "test object in live mode")


def gift_in(obj: Any) -> GiftMetadata:
    """Read our metadata on an object. Raises NotOurs, BadMetadata."""
    gift = decode(stripe_api.plain(obj.metadata))
    if gift is None:
        raise NotOurs("no metadata of ours")
    return gift


def donation_of(
    gift: GiftMetadata, *, amount: int, currency: str, at: datetime, livemode: bool, email: str = ""
) -> Donation:
    """Return the donation an object names, locked; written again from the object if the row is gone.

    `amount` is what Stripe charges in minor units, the covered fee included; nothing of what is charged for free can be
    written again. The caller has a transaction open. Raises NotOurs.
    """
    if amount > 0:
        fee_cover = gift.fee_cover if 0 <= gift.fee_cover < amount else 0
        Donation.objects.bulk_create(
            [
                Donation(
                    attempt_key=gift.attempt_key,
                    frequency=gift.frequency,
                    amount=amount - fee_cover,
                    fee_cover=fee_cover,
                    currency=currency.upper(),
                    language=gift.language,
                    email=_readable(email),
                    campaign=gift.campaign,
                    article=Article.objects.filter(pk=gift.article).only("pk").first() if gift.article else None,
                    appeal=Appeal.objects.filter(pk=gift.appeal).only("pk").first() if gift.appeal else None,
                    created_at=at,
                    state_at=at,
                    livemode=livemode,
                )
            ],
            ignore_conflicts=True,
        )
    donation = Donation.objects.select_for_update().filter(attempt_key=gift.attempt_key).first()
    if donation is None:
        raise NotOurs("free of charge, and its donation is not here")
    return donation


def lock(donation_id: int) -> Donation:
    """Return a donation with its row locked. The caller has a transaction open."""
    return Donation.objects.select_for_update().get(pk=donation_id)


def donor_of(donation: Donation, *, email: str, at: datetime) -> Donor | None:
    """Return the donor behind a locked donation, made now that money moved; None when no address is known.

    The address moves from the donation to the donor, where erasure finds it.
    """
    if donation.erased_at is not None:
        return None
    address = _readable(donation.email) or _readable(email)
    if donation.donor_id is None and address:
        Donor.objects.bulk_create(
            [Donor(email=address, name=donation.name, language=donation.language, created_at=at)], ignore_conflicts=True
        )
        donation.donor = Donor.objects.get(email=address)
        donation.email = ""
        donation.save(update_fields=["donor", "email"])
    return donation.donor


def customer_of(donor: Donor | None, stripe_id: str, *, livemode: bool, at: datetime) -> StripeCustomer | None:
    """Return the row of a Stripe customer, made if it is new and its donor is known."""
    if not stripe_id or donor is None:
        return None
    with transaction.atomic():
        StripeCustomer.objects.bulk_create(
            [StripeCustomer(stripe_id=stripe_id, donor=donor, livemode=livemode, created_at=at)], ignore_conflicts=True
        )
    return StripeCustomer.objects.get(stripe_id=stripe_id)


def _readable(email: str) -> str:
    try:
        return normalise_email(email) if email else ""
    except InvalidAddress:
        return ""
