"""What the control page and the control API can do to the world, each in one function."""

import time
from dataclasses import replace
from typing import Any

from sandbox.stripe import (
    cards,
    checkout_payment,
    deliveries,
    disputes,
    engine,
    events,
    faults,
    payment_methods,
    periods,
    refunds,
)
from sandbox.stripe.billing import AFTER_RETRIES
from sandbox.stripe.checkout_payment import Payer
from sandbox.stripe.errors import ApiError, invalid
from sandbox.stripe.shapes import Thing
from sandbox.stripe.world import World

DAY = 86_400
BANK_FAILURE = "insufficient_funds"


def set_mode(world: World, given: dict[str, Any]) -> None:
    """Change how webhooks are delivered, which requests go wrong, and what follows the last failed renewal."""
    if "webhooks" in given:
        if given["webhooks"] not in deliveries.MODES:
            raise invalid(f"webhooks must be one of {', '.join(deliveries.MODES)}", param="webhooks")
        mode = {name: given[name] for name in ("webhooks", "delay_seconds", "seed") if given.get(name) is not None}
        world.store.set_setting("webhook_mode", mode)
    for kind in faults.KINDS:
        if kind in given:
            faults.order(
                world,
                kind,
                int(given[kind]),
                seconds=float(given.get("seconds", faults.DEFAULT_SECONDS)),
                method=given.get("method", ""),
                path=given.get("path", ""),
            )
    if "after_retries" in given:
        if given["after_retries"] not in AFTER_RETRIES:
            raise invalid(f"after_retries must be one of {', '.join(AFTER_RETRIES)}", param="after_retries")
        world.store.set_setting("after_retries", given["after_retries"])


def advance(world: World, *, days: int = 0, months: int = 0, seconds: int = 0, to: int | None = None) -> int:
    """Move the clock forward, and return its new time."""
    since = world.now()
    target = to if to is not None else periods.add_months(since, months) + days * DAY + seconds
    if target < since:
        raise invalid("The clock only goes forward.", param="to")
    engine.advance(world, target)
    if world.after_advance:
        world.after_advance.call(since, target)
    return target


def begin_in_the_past(world: World, at: int) -> int:
    """Set the clock of an empty sandbox back, so that a history can be played, and return its new time."""
    if at > time.time():
        raise invalid("A past begins before the present.", param="at")
    if world.store.execute("SELECT 1 FROM objects LIMIT 1").fetchone():
        raise invalid("Only an empty sandbox can begin in the past.", param="at")
    world.store.set_setting("clock_offset", at - int(time.time()))
    return world.now()


def return_to_present(world: World) -> int:
    """Live through what remains of a played past, bring the clock to the real time, and return that."""
    if world.offset() < 0:
        engine.run_until(world, int(time.time()))
        world.store.set_setting("clock_offset", 0)
    return world.now()


def pay(world: World, session: str, payer: Payer, *, three_d_secure: str = "complete") -> tuple[Thing, ApiError | None]:
    """Pay a session as its page would; return the session and the refusal that the page would show."""
    thing = world.fetch("checkout.session", session)
    refusal = None
    try:
        intent = checkout_payment.pay(world, thing, payer)
        if intent["status"] == "requires_action":
            checkout_payment.authenticate(world, thing, succeeded=three_d_secure == "complete")
    except ApiError as error:
        if not error.keep:
            raise
        refusal = error
    return world.fetch("checkout.session", session), refusal


def charge_named(world: World, given: dict[str, Any]) -> Thing:
    """Return the charge that a request names by its own id or its payment intent's."""
    if given.get("charge"):
        return world.fetch("charge", given["charge"], param="charge")
    intent = world.fetch("payment_intent", given.get("payment_intent"), param="payment_intent")
    return world.fetch("charge", intent["latest_charge"], param="payment_intent")


def refund(world: World, given: dict[str, Any]) -> Thing:
    """Refund a charge as somebody would in Stripe's dashboard."""
    charge = charge_named(world, given)
    params = {name: given[name] for name in ("amount", "reason", "metadata") if given.get(name)}
    return refunds.create(world, params | {"charge": charge["id"]})


def fail_refund(world: World, refund_id: str) -> Thing:
    """Let the bank send a refund back."""
    return refunds.fail(world, world.fetch("refund", refund_id, param="refund"))


def dispute(world: World, given: dict[str, Any]) -> Thing:
    """Open a dispute, or with `dispute` and `outcome` decide one."""
    if given.get("dispute"):
        if given.get("outcome") not in ("won", "lost"):
            raise invalid("outcome must be won or lost", param="outcome")
        thing = world.fetch("dispute", given["dispute"], param="dispute")
        return disputes.decide(world, thing, won=given["outcome"] == "won")
    return disputes.open_dispute(world, charge_named(world, given), reason=given.get("reason") or "fraudulent")


def fail_next(world: World, subscription: str, *, code: str = "generic_decline", times: int = 1) -> Thing:
    """Have the next attempts to collect a subscription's invoices refused."""
    if code not in cards.DECLINES:
        raise invalid(f"code must be one of {', '.join(cards.DECLINES)}", param="code")
    thing = world.fetch("subscription", subscription, param="subscription")
    return events.update(world, thing, None, _fail_next=[code] * times)


def settle(world: World, *, payment_intent: str = "", outcome: str = "") -> list[str]:
    """Let the bank answer one debit, or all that are open; by default as their test accounts say."""
    failure = {"": None, "succeeded": "", "failed": BANK_FAILURE}.get(outcome, BANK_FAILURE)
    wanted = [world.fetch("payment_intent", payment_intent)] if payment_intent else []
    wanted = wanted or world.store.select("payment_intent", status="processing")[::-1]
    for intent in wanted:
        engine.settle_debit(world, intent, failure=failure)
    return [intent["id"] for intent in wanted]


def change_card(world: World, customer: str, payer: Payer) -> Thing:
    """Give a customer a new default card, as the portal's page does."""
    thing = world.fetch("customer", customer, param="customer")
    with world.clock_of(thing):
        method = payment_methods.new_card(
            world,
            number=payer.number,
            exp_month=payer.exp_month,
            exp_year=payer.exp_year,
            cvc=payer.cvc,
            country=payer.country or None,
            billing=payment_methods.billing_details(email=thing["email"], name=payer.name or thing["name"]),
        )
        payment_methods.attach(world, {"customer": customer}, payment_method=method["id"])
        events.update(world, method, None, _authenticated=True)
        settings = thing["invoice_settings"] | {"default_payment_method": method["id"]}
        events.update(world, thing, "customer.updated", invoice_settings=settings)
    return method


def payer_from(given: dict[str, Any]) -> Payer:
    """Return a payer from the fields of a control request; a given IBAN means a bank debit."""
    known = {name: given[name] for name in Payer.__dataclass_fields__ if given.get(name) is not None}
    payer = Payer(**known)
    if given.get("card"):
        payer = replace(payer, number=str(given["card"]))
    if payer.iban and "kind" not in known:
        payer = replace(payer, kind="sepa_debit")
    return replace(payer, number=payer.number or "4242424242424242", email=payer.email or "reader@example.org")


def reset(world: World) -> None:
    """Forget everything and bring the clock back to the real time."""
    world.store.clear()
