"""The only module that imports `stripe`: the calls this product makes, and our own few words for what can go wrong.

The API version is pinned beside the SDK, so an SDK update is a deliberate step with its contract tests, and an
account whose own default version is older or newer changes nothing here.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import stripe
from django.conf import settings

# The SDK's own log lines name addresses of requests, and one look-up has a reader's email address in its query.
logging.getLogger("stripe").setLevel(logging.WARNING)

API_VERSION = "2026-10-28.endive"
CONNECT_SECONDS = 3.05
READ_SECONDS = 12.0
# One repetition by the SDK itself, under the same idempotency key. StripeClient's own default is none.
NETWORK_RETRIES = 1
SIGNATURE_TOLERANCE_SECONDS = 300

INTENT_EXPANSIONS = ["latest_charge.balance_transaction"]
# The card that is charged next, whether it was put on the subscription or on its customer.
SUBSCRIPTION_EXPANSIONS = ["default_payment_method", "customer.invoice_settings.default_payment_method"]


class StripeError(Exception):
    """Something went wrong at Stripe or on the way there. `code` is Stripe's word for it."""

    def __init__(self, code: str = "", *, param: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.param = param


class StripeAway(StripeError):
    """No answer, or none for now (time-out, connection, rate limit). The call may have done its work."""


class StripeBroke(StripeError):
    """Stripe answered 5xx, and answers the same to the same idempotency key."""


class StripeRefused(StripeError):
    """Stripe understood and refused; asking again in the same way does not help."""


class StripeDeclined(StripeRefused):
    """A card was refused while the call waited for its charge. `code` says how, as far as the bank told."""


class StripeMissing(StripeRefused):
    """There is no such object under this key."""


class StripeBusy(StripeError):
    """Another call under the same idempotency key is still running, and its answer is the one that counts."""


class BadSignature(Exception):
    """The webhook's body was not signed with our secret, or too long ago."""


@contextmanager
def _our_words() -> Iterator[None]:
    try:
        yield
    except stripe.StripeError as error:
        raise _translated(error) from error


def _translated(error: stripe.StripeError) -> StripeError:
    code = error.code or str(error.http_status or "") or type(error).__name__
    if isinstance(error, stripe.CardError):
        return StripeDeclined(code)
    status = error.http_status or 0
    if isinstance(error, stripe.APIConnectionError):
        return StripeAway("connection")
    if status == 429:
        return StripeAway(code)
    if status == 409:
        return StripeBusy(code)
    if status == 404 or code == "resource_missing":
        return StripeMissing(code)
    if status >= 500:
        return StripeBroke(code)
    return StripeRefused(code, param=str(getattr(error, "param", None) or ""))


@cache
def _client(key: str, base: str) -> stripe.StripeClient:
    addresses: Any = {"api": base.rstrip("/")} if base else {}
    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses=addresses,
        max_network_retries=NETWORK_RETRIES,
        http_client=stripe.RequestsClient(timeout=cast("Any", (CONNECT_SECONDS, READ_SECONDS))),
    )


def _v1() -> Any:
    return _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE).v1


def is_configured() -> bool:
    return bool(settings.STRIPE_SECRET_KEY)


def uses_live_mode() -> bool:
    """Say in which mode the configured key works, by its prefix (`sk_live_`, `rk_live_`)."""
    return settings.STRIPE_SECRET_KEY.split("_")[1:2] == ["live"]


def time_of(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def id_of(reference: Any) -> str:
    """Return the id of an object that Stripe gave either whole or as its id; empty for null."""
    if reference is None:
        return ""
    return reference if isinstance(reference, str) else str(reference.id)


# Checkout


def create_checkout_session(parameters: dict[str, Any], *, idempotency_key: str) -> Any:
    with _our_words():
        return _v1().checkout.sessions.create(parameters, {"idempotency_key": idempotency_key})


def retrieve_checkout_session(session_id: str) -> Any:
    with _our_words():
        return _v1().checkout.sessions.retrieve(session_id)


def expire_checkout_session(session_id: str) -> Any:
    """Close a session that nobody has paid. Raises StripeRefused when it is not open any more."""
    with _our_words():
        return _v1().checkout.sessions.expire(session_id)


def find_checkout_session(*, email: str, created_from: datetime, reference: str, number: int) -> Any | None:
    """Return the session that a call of ours made although its answer never came, or None."""
    with _our_words():
        sessions = _v1().checkout.sessions.list(
            {
                "customer_details": {"email": email},
                "created": {"gte": int(created_from.timestamp()) - 60},
                "limit": 100,
            }
        )
        for session in sessions.auto_paging_iter():
            metadata = plain(session.metadata)
            if session.client_reference_id == reference and metadata.get("newsroom_number") == str(number):
                return session
    return None


# The objects of the truth


def retrieve_payment_intent(intent_id: str) -> Any:
    with _our_words():
        return _v1().payment_intents.retrieve(intent_id, {"expand": INTENT_EXPANSIONS})


def retrieve_charge(charge_id: str) -> Any:
    with _our_words():
        return _v1().charges.retrieve(charge_id)


def retrieve_refund(refund_id: str) -> Any:
    with _our_words():
        return _v1().refunds.retrieve(refund_id)


def retrieve_dispute(dispute_id: str) -> Any:
    with _our_words():
        return _v1().disputes.retrieve(dispute_id)


def retrieve_invoice(invoice_id: str) -> Any:
    with _our_words():
        return _v1().invoices.retrieve(invoice_id, {"expand": ["payments"]})


def retrieve_subscription(subscription_id: str) -> Any:
    with _our_words():
        return _v1().subscriptions.retrieve(subscription_id, {"expand": SUBSCRIPTION_EXPANSIONS})


def retrieve_setup_intent(intent_id: str) -> Any:
    with _our_words():
        return _v1().setup_intents.retrieve(intent_id, {"expand": ["payment_method"]})


def subscriptions_of(customer_id: str) -> list[Any]:
    """Return every subscription of a customer, ended ones too."""
    with _our_words():
        rows = _v1().subscriptions.list({"customer": customer_id, "status": "all", "limit": 100})
        return list(rows.auto_paging_iter())


def charges_of(intent_id: str) -> list[Any]:
    with _our_words():
        return list(_v1().charges.list({"payment_intent": intent_id, "limit": 100}).auto_paging_iter())


def refunds_of(intent_id: str) -> list[Any]:
    with _our_words():
        return list(_v1().refunds.list({"payment_intent": intent_id, "limit": 100}).auto_paging_iter())


def disputes_of(intent_id: str) -> list[Any]:
    with _our_words():
        return list(_v1().disputes.list({"payment_intent": intent_id, "limit": 100}).auto_paging_iter())


def invoice_of(intent_id: str) -> str:
    """Return the id of the invoice that a payment intent pays, or an empty text: an intent does not name it itself."""
    with _our_words():
        page = _v1().invoice_payments.list(
            {"payment": {"type": "payment_intent", "payment_intent": intent_id}, "limit": 1}
        )
        for payment in page.data:
            return id_of(payment.invoice)
    return ""


# What moves money back, or changes what will move


def create_refund(intent_id: str, *, amount: int | None, metadata: dict[str, str], idempotency_key: str) -> Any:
    parameters: dict[str, Any] = {"payment_intent": intent_id, "metadata": metadata}
    if amount is not None:
        parameters["amount"] = amount
    with _our_words():
        return _v1().refunds.create(parameters, {"idempotency_key": idempotency_key})


def capture_payment_intent(intent_id: str, *, idempotency_key: str) -> None:
    with _our_words():
        _v1().payment_intents.capture(intent_id, {}, {"idempotency_key": idempotency_key})


def cancel_payment_intent(intent_id: str) -> None:
    # No key of ours: a second cancellation is harmless, and a 5xx would be replayed to the same key for a day.
    with _our_words():
        _v1().payment_intents.cancel(intent_id)


def create_price(parameters: dict[str, Any], *, idempotency_key: str) -> Any:
    with _our_words():
        return _v1().prices.create(parameters, {"idempotency_key": idempotency_key})


def create_subscription(parameters: dict[str, Any], *, idempotency_key: str) -> Any:
    """Make a subscription and charge it for the first time. Raises StripeDeclined where that charge is refused."""
    with _our_words():
        return _v1().subscriptions.create(parameters, {"idempotency_key": idempotency_key})


def cancel_subscription(subscription_id: str) -> None:
    """End a subscription at once, without a last invoice."""
    with _our_words():
        _v1().subscriptions.cancel(subscription_id, {"invoice_now": False, "prorate": False})


def update_payment_intent(intent_id: str, parameters: dict[str, Any]) -> None:
    with _our_words():
        _v1().payment_intents.update(intent_id, parameters)


def update_subscription(subscription_id: str, parameters: dict[str, Any]) -> None:
    with _our_words():
        _v1().subscriptions.update(subscription_id, parameters)


def open_invoices_of(subscription_id: str) -> list[Any]:
    with _our_words():
        invoices = _v1().invoices.list({"subscription": subscription_id, "status": "open", "limit": 100})
        return list(invoices.auto_paging_iter())


def invoices_of(subscription_id: str) -> list[Any]:
    with _our_words():
        return list(_v1().invoices.list({"subscription": subscription_id, "limit": 100}).auto_paging_iter())


def void_invoice(invoice_id: str) -> None:
    with _our_words():
        _v1().invoices.void_invoice(invoice_id)


def delete_customer(customer_id: str) -> None:
    with _our_words():
        _v1().customers.delete(customer_id)


def retrieve_customer(customer_id: str) -> Any:
    with _our_words():
        return _v1().customers.retrieve(customer_id)


def create_portal_session(customer_id: str, *, return_url: str) -> Any:
    """Return a visit to Stripe's portal that can do one thing: change the card."""
    with _our_words():
        return _v1().billing_portal.sessions.create(
            {"customer": customer_id, "return_url": return_url, "flow_data": {"type": "payment_method_update"}}
        )


# Everything of one kind, for the comparison: keyset pages, newest first


def each_payment_intent(created_from: datetime) -> Iterator[Any]:
    return _each("payment_intents", created_from, {"expand": ["data.latest_charge"]})


def each_refund(created_from: datetime) -> Iterator[Any]:
    return _each("refunds", created_from, {})


def each_dispute(created_from: datetime) -> Iterator[Any]:
    return _each("disputes", created_from, {})


def each_subscription() -> Iterator[Any]:
    return _each("subscriptions", None, {"status": "all"})


def each_subscription_with_customer() -> Iterator[Any]:
    return _each("subscriptions", None, {"status": "all", "expand": ["data.customer"]})


def charges_of_customer(customer_id: str) -> Iterator[Any]:
    return _each("charges", None, {"customer": customer_id})


def each_checkout_session(created_from: datetime) -> Iterator[Any]:
    with _our_words():
        parameters = {"created": {"gte": int(created_from.timestamp())}, "limit": 100}
        yield from _v1().checkout.sessions.list(parameters).auto_paging_iter()


def _each(service: str, created_from: datetime | None, more: dict[str, Any]) -> Iterator[Any]:
    parameters: dict[str, Any] = {"limit": 100, **more}
    if created_from is not None:
        parameters["created"] = {"gte": int(created_from.timestamp())}
    with _our_words():
        yield from getattr(_v1(), service).list(parameters).auto_paging_iter()


def plain(metadata: Any) -> dict[str, str]:
    """Return metadata as a dict of texts: a Stripe object is not a dict any more."""
    if metadata is None:
        return {}
    return {str(key): str(value) for key, value in metadata.to_dict().items()}


# Webhooks


def verified_event(body: bytes, signature: str) -> dict[str, Any]:
    """Return the event in a webhook's raw body once its signature is proven. Raises BadSignature.

    An empty secret proves nothing, so it is refused like a wrong one.
    """
    secret = settings.STRIPE_WEBHOOK_SECRET
    if not secret or not signature:
        raise BadSignature("no secret or no signature")
    try:
        text = body.decode()
        stripe.WebhookSignature.verify_header(text, signature, secret, SIGNATURE_TOLERANCE_SECONDS)
        event = json.loads(text)
    except (stripe.SignatureVerificationError, ValueError) as error:
        raise BadSignature(type(error).__name__) from error
    if not isinstance(event, dict) or not isinstance(event.get("id"), str) or not event["id"]:
        raise BadSignature("no event")
    return event
