"""From a reader's decision to one session at Stripe's hosted page, however often they press the button."""

import logging
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from donations import reminding, safety, stripe_api
from donations.giving import Choice, covering_fee, methods_for
from donations.metadata import GiftMetadata, metadata_of
from donations.models import Appeal, Campaign, CheckoutSession, Donation, Frequency, GivingTerms, Method, current_terms
from donations.models.terms import STATEMENT_SUFFIX
from newsroom import tokens
from newsroom.models import Article, Outlet
from newsroom.outlet import current_outlet
from subscriptions import consent

logger = logging.getLogger(__name__)

# Stripe allows 30 minutes to 24 hours. Long enough to fetch a card, short enough that a stolen page is soon worthless.
SESSION_LIFE = timedelta(minutes=60)
# A session is handed out again only while the reader has time to pay on it.
SHORTEST_REST = timedelta(minutes=3)
# The earliest `expires_at` that Stripe takes is 30 minutes ahead, so an unsent call is too old after half an hour.
UNSENT_LIFE = timedelta(minutes=25)
# What the reader wrote is shown again to whoever follows the link back from Stripe's page, and only that day.
BACK_PURPOSE = "give-back"
BACK_LIFE = timedelta(hours=24)
# What a session charges, and to whom the receipt goes: a session for other values than the donation's is closed.
CHARGED_FIELDS = frozenset({"frequency", "amount", "fee_cover", "currency", "email"})
RENEWAL_INTERVALS = {Frequency.MONTHLY: "month", Frequency.ANNUAL: "year"}


class CheckoutTrouble(Exception):
    """Stripe's page cannot be reached now. No money was taken; the same button may be pressed again."""


class AlreadyGiven(Exception):
    """The attempt is paid or being paid, so there is nothing left to start."""


@dataclass(frozen=True)
class Particulars:
    """What the reader wrote on the attempt's page, validated."""

    email: str
    covers_fee: bool = False
    name: str = ""
    is_anonymous: bool = True
    note: str = ""
    # The newsletter box that was ticked, with the words that stood beside it.
    newsletter: consent.Box | None = None


def commit_donation(*, attempt_key: uuid.UUID, choice: Choice, particulars: Particulars, at: datetime) -> Donation:
    """Store the decision under its attempt key, before Stripe hears of it, and return its row.

    Pressing the button again, or in a second tab, finds the same row. A changed choice changes the row as long as no
    money has moved: a page on which the former choice could still be paid is closed first, so that the row says what
    is charged. A ticked newsletter box is kept in the same transaction, and stands whatever becomes of the gift; only
    where card countries are blocked does it wait until the gift's is known.

    Raises AlreadyGiven, CheckoutTrouble.
    """
    fields: dict[str, Any] = {
        "frequency": choice.frequency,
        "amount": choice.amount,
        "fee_cover": covering_fee(choice.amount, choice.currency) if particulars.covers_fee else 0,
        "currency": choice.currency,
        "language": choice.language,
        "email": particulars.email,
        "name": particulars.name,
        "note": particulars.note,
        "is_anonymous": particulars.is_anonymous,
        "campaign": _registered(choice.campaign),
        "article_id": _existing(Article, choice.article),
        "appeal_id": _existing(Appeal, choice.appeal),
    }
    # ON CONFLICT DO NOTHING waits for a parallel insertion of the same key, and then changes nothing.
    Donation.objects.bulk_create(
        [Donation(attempt_key=attempt_key, created_at=at, state_at=at, livemode=stripe_api.uses_live_mode(), **fields)],
        ignore_conflicts=True,
    )
    while True:
        with transaction.atomic():
            donation = Donation.objects.select_for_update().get(attempt_key=attempt_key)
            if not donation.is_open:
                raise AlreadyGiven(attempt_key)
            changed = [name for name, value in fields.items() if getattr(donation, name) != value]
            live = _live_session(donation) if not CHARGED_FIELDS.isdisjoint(changed) else None
            if live is None:
                _save_decision(donation, {name: fields[name] for name in changed}, choice=choice, at=at)
                _pass_on_wish(donation, particulars.newsletter, is_new_address="email" in changed, at=at)
                return donation
        _close(live, at=at)


def _save_decision(donation: Donation, changed: dict[str, Any], *, choice: Choice, at: datetime) -> None:
    if changed:
        for name, value in changed.items():
            setattr(donation, name, value)
        donation.save(update_fields=changed)
    donation.move(Donation.State.STARTED, at=at)
    if choice.reminder:
        reminding.follow(donation, choice.reminder, at=at)


def _pass_on_wish(donation: Donation, box: consent.Box | None, *, is_new_address: bool, at: datetime) -> None:
    """Ask for the newsletter as the reader wishes, once for each address, however often the button is pressed.

    The page that is recorded is the standing form's: the attempt's own address in the ledger of consent would tie
    the gift to a person for as long as the ledger lasts.
    """
    if box is None or (donation.newsletter_asked_at is not None and not is_new_address):
        return
    consent.keep_request(
        email=donation.email,
        newsletter=box.newsletter,
        statement=box.statement,
        page=reverse("donations:support"),
        method=consent.Method.DONOR_BOX,
        at=at,
        # The mail to confirm names the outlet, and must not reach who would be punished for a gift to it.
        held_for=safety.newsletter_hold(donation) if current_terms().blocked_countries else "",
    )
    donation.newsletter_asked_at = at
    donation.save(update_fields=["newsletter_asked_at"])


def _live_session(donation: Donation) -> CheckoutSession | None:
    return donation.sessions.filter(state__in=CheckoutSession.LIVE_STATES).select_related("donation").first()


def _registered(code: str) -> str:
    return code if code and Campaign.objects.filter(code=code, is_active=True).exists() else ""


def _existing(model: type[Article] | type[Appeal], pk: int | None) -> int | None:
    """Return `pk` if such a row exists: it came from an address that anyone may write."""
    return pk if pk is not None and model._default_manager.filter(pk=pk).exists() else None


def open_session(donation: Donation, *, at: datetime) -> CheckoutSession:
    """Return the one session in which this donation can be paid now, made at Stripe if need be.

    1. Under the donation's lock, take the live session if it has the same parameters, or store a new one's parameters
       under the next number. 2. Without any lock, call Stripe with the stored parameters and their key; a parallel call
       gets the same session. 3. Store its id and address.

    Raises CheckoutTrouble, AlreadyGiven.
    """
    session = _session_to_send(donation, at=at)
    if session.state == CheckoutSession.State.OPEN:
        return session
    return _send(session, at=at)


def _session_to_send(donation: Donation, *, at: datetime) -> CheckoutSession:
    wanted = session_parameters(donation, terms=current_terms())
    while True:
        with transaction.atomic():
            donation = Donation.objects.select_for_update().get(pk=donation.pk)
            if not donation.is_open:
                raise AlreadyGiven(donation.attempt_key)
            live = _live_session(donation)
            if live is None:
                return _store_next(donation, wanted, at=at)
            if _serves(live, wanted, at=at):
                return live
        _close(live, at=at)


def _serves(live: CheckoutSession, wanted: dict[str, Any], *, at: datetime) -> bool:
    """Say whether a live session is for the present choice and has time left."""
    # The link back holds the time at which it was signed, so it is another one in every call.
    own = ("cancel_url", "expires_at", "metadata", "payment_intent_data", "subscription_data", "setup_intent_data")
    is_same = all(live.parameters.get(key) == value for key, value in wanted.items() if key not in own)
    if live.state == CheckoutSession.State.OPEN:
        return is_same and live.expires_at - at > SHORTEST_REST
    return is_same and at - live.created_at < UNSENT_LIFE


def _store_next(donation: Donation, wanted: dict[str, Any], *, at: datetime) -> CheckoutSession:
    number = (donation.sessions.aggregate(last=Max("number"))["last"] or 0) + 1
    expires_at = (at + SESSION_LIFE).replace(microsecond=0)
    parameters = {
        **wanted,
        "expires_at": int(expires_at.timestamp()),
        "metadata": {**wanted["metadata"], "newsroom_number": str(number)},
    }
    return CheckoutSession.objects.create(
        donation=donation,
        number=number,
        parameters=parameters,
        created_at=at,
        expires_at=expires_at,
        livemode=stripe_api.uses_live_mode(),
    )


def _send(session: CheckoutSession, *, at: datetime) -> CheckoutSession:
    try:
        made = stripe_api.create_checkout_session(session.parameters, idempotency_key=session.idempotency_key)
    except (stripe_api.StripeAway, stripe_api.StripeBusy) as error:
        # The session may exist. The same key finds it when the reader presses the button again.
        raise CheckoutTrouble from error
    except (stripe_api.StripeBroke, stripe_api.StripeRefused) as error:
        logger.warning("Stripe made no session for donation %s (%s %s).", session.donation_id, error.code, error.param)
        made = _found(session)
        if made is None:
            # The same answer would be replayed to the same key, so the next press of the button takes the next key.
            CheckoutSession.objects.filter(pk=session.pk, state=CheckoutSession.State.PREPARING).update(
                state=CheckoutSession.State.BROKEN, asked_at=at, parameters={}
            )
            raise CheckoutTrouble from error
    return _store_answer(session, made)


def _found(session: CheckoutSession) -> Any | None:
    """Look for the session that a call with an unknown outcome may have made."""
    try:
        return stripe_api.find_checkout_session(
            email=session.donation.email,
            created_from=session.created_at,
            reference=str(session.donation.attempt_key),
            number=session.number,
        )
    except stripe_api.StripeError:
        return None


def _store_answer(session: CheckoutSession, made: Any) -> CheckoutSession:
    CheckoutSession.objects.filter(pk=session.pk, state=CheckoutSession.State.PREPARING).update(
        stripe_id=made.id, url=made.url or "", state=CheckoutSession.State.OPEN, livemode=made.livemode
    )
    session.refresh_from_db()
    if session.state != CheckoutSession.State.OPEN or not session.url:
        # The truth overtook this answer: paid or expired meanwhile.
        raise AlreadyGiven(session.donation.attempt_key)
    return session


def _close(live: CheckoutSession, *, at: datetime) -> None:
    """Make sure that a session which does not serve any more cannot be paid. Raises AlreadyGiven when it was paid."""
    stripe_id = live.stripe_id
    if stripe_id is None:
        found = _found(live)
        stripe_id = found.id if found is not None else None
    if stripe_id is not None:
        _expire(stripe_id, attempt_key=live.donation.attempt_key)
    CheckoutSession.objects.filter(pk=live.pk, state__in=CheckoutSession.LIVE_STATES).update(
        state=CheckoutSession.State.EXPIRED, asked_at=at, parameters={}, url=""
    )


def close_tried(pk: int, *, at: datetime) -> None:
    """Close a session on which too many cards were refused. The reader can begin a new attempt."""
    own = CheckoutSession.objects.filter(state=CheckoutSession.State.OPEN, livemode=stripe_api.uses_live_mode())
    session = own.select_related("donation").filter(pk=pk).first()
    if session is None:
        return
    try:
        _close(session, at=at)
    except (AlreadyGiven, CheckoutTrouble):
        logger.info("Session %s could not be closed now.", session.pk)
        return
    with transaction.atomic():
        donation = Donation.objects.select_for_update().get(pk=session.donation_id)
        if donation.state == Donation.State.STARTED:
            donation.move(Donation.State.FAILED, at=at)


def _expire(stripe_id: str, *, attempt_key: uuid.UUID) -> None:
    try:
        stripe_api.expire_checkout_session(stripe_id)
    except stripe_api.StripeRefused as error:
        try:
            present = stripe_api.retrieve_checkout_session(stripe_id)
        except stripe_api.StripeError as second:
            raise CheckoutTrouble from second
        if present.status != "expired":
            raise AlreadyGiven(attempt_key) from error
    except stripe_api.StripeError as error:
        raise CheckoutTrouble from error


def session_parameters(donation: Donation, *, terms: GivingTerms) -> dict[str, Any]:
    """Return what Stripe is asked for; the same donation gives the same parameters, but for the link back."""
    outlet = current_outlet()
    shown_name = outlet.discreet_name if terms.is_discreet else outlet.name
    metadata = metadata_of(donation).encode()
    with translation.override(donation.language):
        label = _("Support for %(outlet)s") % {"outlet": shown_name} if shown_name else _("Your gift")
    price: dict[str, Any] = {
        "currency": donation.currency.lower(),
        "unit_amount": donation.total,
        "product_data": {"name": label},
    }
    items = [{"price_data": price, "quantity": 1}]
    parameters: dict[str, Any] = {
        "client_reference_id": str(donation.attempt_key),
        "customer_email": donation.email,
        "locale": donation.language if donation.language in CHECKOUT_LOCALES else "auto",
        "metadata": metadata,
        "allowed_payment_method_types": methods_for(donation.currency, donation.frequency),
        "wallet_options": {"link": {"display": "never"}},
        "success_url": settings.SITE_URL + reverse("donations:thanks", args=[donation.attempt_key]),
        "cancel_url": settings.SITE_URL + back_address(donation.attempt_key),
    }
    if donation.is_recurring and terms.blocked_countries:
        parameters |= _card_first(donation, metadata_of(donation), label=label)
    elif donation.is_recurring:
        price["recurring"] = {"interval": RENEWAL_INTERVALS[Frequency(donation.frequency)]}
        parameters |= {
            "mode": "subscription",
            "line_items": items,
            "subscription_data": {"metadata": metadata, "description": label},
        }
    else:
        intent: dict[str, Any] = {"metadata": metadata, "description": label}
        if terms.blocked_countries and Method.CARD in parameters["allowed_payment_method_types"]:
            # The money is only reserved until the card's country is known; a reservation leaves no refund behind.
            parameters["payment_method_options"] = {"card": {"capture_method": "manual"}}
        if suffix := _statement_suffix(terms, outlet):
            intent["statement_descriptor_suffix"] = suffix
        parameters |= {"mode": "payment", "line_items": items, "submit_type": "donate", "payment_intent_data": intent}
    return parameters


def _statement_suffix(terms: GivingTerms, outlet: Outlet) -> str:
    """Return what stands on the bank statement behind the account's own words; the discreet name where none is set."""
    suffix = terms.statement_suffix or (outlet.discreet_name if terms.is_discreet else "")
    # Stripe refuses every gift with a suffix that banks cannot print, so a name that is none is left out.
    return suffix if STATEMENT_SUFFIX.fullmatch(suffix) else ""


def _card_first(donation: Donation, gift: GiftMetadata, *, label: str) -> dict[str, Any]:
    """Return what makes a session save a card and charge nothing: the gift begins once its country is known.

    Stripe's page names no sum in this mode, so our words under its button do.
    """
    metadata = replace(gift, total=donation.total).encode()
    with translation.override(donation.language):
        monthly, annual = _("You give %(amount)s every month."), _("You give %(amount)s every year.")
        sentence = monthly if donation.frequency == Frequency.MONTHLY else annual
        words = f"{sentence % {'amount': donation.total_written}} {_('The first gift is charged at once.')}"
    return {
        "mode": "setup",
        "currency": donation.currency.lower(),
        "customer_creation": "always",
        "metadata": metadata,
        "setup_intent_data": {"metadata": metadata, "description": label},
        "custom_text": {"submit": {"message": words}},
    }


def back_address(attempt_key: uuid.UUID) -> str:
    """Return the attempt's address for the link on Stripe's page alone, under which everything is still filled in.

    The attempt's key is no secret: whoever sent the reader the link to the form may have chosen it.
    """
    address = reverse("donations:attempt", args=[attempt_key])
    return f"{address}?{urlencode({'back': tokens.sign(BACK_PURPOSE, str(attempt_key))})}"


def comes_back(attempt_key: uuid.UUID, token: str) -> bool:
    """Say whether an address is the one that was put on Stripe's page for this attempt."""
    try:
        return bool(tokens.read(BACK_PURPOSE, token, max_age=BACK_LIFE) == str(attempt_key))
    except tokens.BadToken:
        return False


# Of https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-locale, those without a region.
# fmt: off
CHECKOUT_LOCALES = frozenset({
    "bg", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms",
    "mt", "nb", "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh",
})
# fmt: on
