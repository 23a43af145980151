"""Payment methods: cards and SEPA accounts, and the customers that they are attached to."""

import datetime
import hashlib
from typing import Any

from sandbox.stripe import cards, events, listing
from sandbox.stripe.cards import Account, Card
from sandbox.stripe.errors import ApiError, card_error, invalid, not_simulated
from sandbox.stripe.ids import new_id
from sandbox.stripe.rules import merged_metadata
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


# What the sandbox's account takes: cards, and bank debits in euros.
TYPES = ("card", "sepa_debit")


def offered(params: Params, currency: str | None) -> list[str]:
    """Return the types of payment method that a session or an intent offers.

    They are those that suit the currency, filtered by what the request allows and excludes.
    """
    allowed = params.get("allowed_payment_method_types")
    excluded = params.get("excluded_payment_method_types") or []
    if allowed is not None and excluded:
        raise invalid(
            "You may only specify one of these parameters: allowed_payment_method_types,"
            " excluded_payment_method_types.",
            param="excluded_payment_method_types",
        )
    suitable = TYPES if currency in ("eur", None) else TYPES[:1]
    types = [kind for kind in suitable if (allowed is None or kind in allowed) and kind not in excluded]
    if not types:
        raise invalid(
            f"None of the given payment method types can be used here. The sandbox takes card, and sepa_debit in eur;"
            f" the currency is {currency}.",
            param="allowed_payment_method_types",
        )
    return types


def billing_details(*, email: str | None = None, name: str | None = None, country: str | None = None) -> Thing:
    """Return who pays, in the shape of a payment method's billing details."""
    return {
        "address": NO_ADDRESS | {"country": country},
        "email": email,
        "name": name,
        "phone": None,
        "tax_id": None,
    }


def new_card(
    world: World,
    *,
    number: str,
    exp_month: int,
    exp_year: int,
    cvc: str = "123",
    country: str | None = None,
    billing: Thing | None = None,
    metadata: dict[str, str] | None = None,
) -> Thing:
    """Create a payment method from what somebody typed, or raise the card error that Stripe shows beside the field."""
    digits = number.replace(" ", "").replace("-", "")
    if not digits.isdecimal() or not 13 <= len(digits) <= 19 or not cards.luhn_valid(digits):
        raise _field_error("Your card number is incorrect.", "incorrect_number", "number")
    if not 1 <= exp_month <= 12:
        raise _field_error("Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month")
    if exp_year < 100:
        exp_year += 2000
    today = datetime.datetime.fromtimestamp(world.now(), datetime.UTC)
    if exp_year > today.year + 50 or exp_year < today.year:
        raise _field_error("Your card's expiration year is invalid.", "invalid_expiry_year", "exp_year")
    if (exp_year, exp_month) < (today.year, today.month):
        raise _field_error("Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month")
    card = cards.CARDS.get(digits) or Card(digits, decline="test_mode_live_card")
    if not cvc.isdecimal() or len(cvc) != (4 if card.brand == "amex" else 3):
        raise _field_error("Your card's security code is invalid.", "invalid_cvc", "cvc")
    details = {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": None},
        "country": country or card.country,
        "display_brand": card.brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": _fingerprint(digits),
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    return _store(world, "card", details, billing, metadata, _number=digits)


def new_sepa_debit(
    world: World, *, iban: str, billing: Thing | None = None, metadata: dict[str, str] | None = None
) -> Thing:
    """Create a payment method for a bank account in the SEPA area."""
    account = iban.replace(" ", "").upper()
    if not cards.iban_valid(account):
        raise invalid("The IBAN you provided is invalid.", code="invalid_bank_account_iban", param="sepa_debit[iban]")
    details = {
        "bank_code": account[4:12],
        "branch_code": "",
        "country": account[:2],
        "fingerprint": _fingerprint(account),
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": account[-4:],
    }
    return _store(world, "sepa_debit", details, billing, metadata, _number=account)


def _store(
    world: World, kind: str, details: Thing, billing: Thing | None, metadata: dict[str, str] | None, **notes: Any
) -> Thing:
    method = complete(
        "payment_method",
        id=new_id("payment_method"),
        allow_redisplay="unspecified",
        billing_details=billing or billing_details(),
        created=world.now(),
        livemode=False,
        metadata=metadata or {},
        type=kind,
        **{kind: details},
        **notes,
    )
    return world.store.put(method)


def _fingerprint(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()[:16]


def _field_error(message: str, code: str, param: str) -> ApiError:
    return card_error(message, code=code, param=param)


def card_of(method: Thing) -> Card:
    """Return the test card behind a payment method."""
    return cards.CARDS.get(method["_number"]) or Card(method["_number"], decline="test_mode_live_card")


def account_of(method: Thing) -> Account:
    """Return the test bank account behind a payment method."""
    return cards.ACCOUNTS.get(method["_number"]) or Account(method["_number"])


def is_expired(world: World, method: Thing) -> bool:
    """Return whether a card's last month has passed on the sandbox's clock."""
    today = datetime.datetime.fromtimestamp(world.now(), datetime.UTC)
    return (method["card"]["exp_year"], method["card"]["exp_month"]) < (today.year, today.month)


def resolve(world: World, object_id: str, *, param: str = "payment_method") -> Thing:
    """Return a payment method by its id, or a new one for a test id such as `pm_card_visa`."""
    token = object_id.removeprefix("pm_card_")
    if token != object_id and token in cards.TOKENS:
        return new_card(world, number=cards.TOKENS[token], exp_month=12, exp_year=_next_year(world))
    return world.fetch("payment_method", object_id, param=param)


def _next_year(world: World) -> int:
    return datetime.datetime.fromtimestamp(world.now(), datetime.UTC).year + 1


def create(world: World, params: Params) -> Thing:
    """Create a payment method."""
    given = params.get("billing_details") or {}
    billing = billing_details() | {name: value or None for name, value in given.items() if name != "address"}
    billing["address"] = NO_ADDRESS | (given.get("address") or {})
    metadata = merged_metadata({}, params.get("metadata", {}))
    kind = params.get("type")
    if kind == "card":
        card = params.get("card") or {}
        if "token" in card:
            number = cards.TOKENS.get(card["token"].removeprefix("tok_"))
            if number is None:
                raise invalid(f"No such token: '{card['token']}'", code="resource_missing", param="card[token]")
            card = {"number": number, "exp_month": 12, "exp_year": _next_year(world), "cvc": "123"}
        for name in ("number", "exp_month", "exp_year"):
            if name not in card:
                raise invalid(f"Missing required param: card[{name}].", param=f"card[{name}]", code="parameter_missing")
        return new_card(
            world,
            number=card["number"],
            exp_month=card["exp_month"],
            exp_year=card["exp_year"],
            cvc=card.get("cvc", "123"),
            billing=billing,
            metadata=metadata,
        )
    if kind == "sepa_debit":
        return new_sepa_debit(world, iban=params["sepa_debit"]["iban"], billing=billing, metadata=metadata)
    if kind is None:
        raise invalid("Missing required param: type.", param="type", code="parameter_missing")
    raise not_simulated(f"type={kind}")


def retrieve(world: World, params: Params, payment_method: str) -> Thing:
    """Return a payment method."""
    return world.fetch("payment_method", payment_method)


def update(world: World, params: Params, payment_method: str) -> Thing:
    """Change a payment method's billing details, expiry or metadata."""
    method = world.fetch("payment_method", payment_method)
    changes: Params = {}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(method["metadata"], params["metadata"])
    if "billing_details" in params:
        changes["billing_details"] = method["billing_details"] | params["billing_details"]
    card = params.get("card") or {}
    if card:
        changes["card"] = method["card"] | {name: card[name] for name in ("exp_month", "exp_year") if name in card}
    return events.update(world, method, "payment_method.updated", **changes)


def attach(world: World, params: Params, payment_method: str) -> Thing:
    """Attach a payment method to a customer."""
    method = resolve(world, payment_method)
    if "customer" not in params:
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    customer = world.fetch("customer", params["customer"], param="customer")
    if method["customer"] not in (None, customer["id"]):
        raise invalid(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_already_attached",
            param="payment_method",
        )
    if method["type"] == "card" and card_of(method).decline and not card_of(method).attaches:
        code, decline_code, words = cards.DECLINES[card_of(method).decline]
        raise card_error(words, code=code, decline_code=decline_code)
    if method["customer"] is None:
        events.update(world, method, None, customer=customer["id"])
        events.emit(world, "payment_method.attached", method)
    return method


def detach(world: World, params: Params, payment_method: str) -> Thing:
    """Detach a payment method from its customer, for good."""
    method = world.fetch("payment_method", payment_method)
    if method["customer"] is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            param="payment_method",
        )
    customer = world.fetch("customer", method["customer"])
    events.update(world, method, None, customer=None)
    if customer.get("invoice_settings", {}).get("default_payment_method") == method["id"]:
        settings = customer["invoice_settings"] | {"default_payment_method": None}
        events.update(world, customer, "customer.updated", invoice_settings=settings)
    events.emit(world, "payment_method.detached", method, previous={"customer": customer["id"]})
    return method


def list_all(world: World, params: Params) -> Thing:
    """Return a page of attached payment methods."""
    filters = listing.equal_to(params, "customer", "type")
    return listing.page(world, "payment_method", params, "/v1/payment_methods", **filters)
