"""What the tests of the sandbox's Stripe do over and over: open a session, pay it, read what came of it."""

from typing import Any

import stripe
from stripe import Charge, Customer, PaymentIntent, Subscription
from stripe.checkout import Session

from sandbox.stripe.testing import StripeSandbox

VISA = "4242424242424242"


class Shop:
    """A seller of gifts who uses the SDK, and the buyers."""

    def __init__(self, client: stripe.StripeClient, sandbox: StripeSandbox) -> None:
        self.v1 = client.v1
        self.sandbox = sandbox

    def parameters(self, mode: str = "payment", /, *, amount: int = 1000, currency: str = "usd", **more: Any) -> Any:
        """Return valid parameters of a session."""
        price: dict[str, Any] = {"currency": currency, "unit_amount": amount, "product_data": {"name": "A gift"}}
        if mode == "subscription":
            price["recurring"] = {"interval": "month"}
        parameters = {
            "mode": mode,
            "success_url": "http://news.example/thanks/?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://news.example/support/",
            "customer_email": "reader@example.org",
        }
        if mode == "setup":
            parameters["currency"] = currency
        else:
            parameters["line_items"] = [{"price_data": price, "quantity": 1}]
        merged = parameters | more
        return {name: value for name, value in merged.items() if value is not None}

    def session(self, mode: str = "payment", /, **more: Any) -> Session:
        """Open a session."""
        return self.v1.checkout.sessions.create(self.parameters(mode, **more))

    def pay(self, session: Session, card: str = VISA, **details: Any) -> Session:
        """Pay a session as its page would, expecting success."""
        answer = self.sandbox.pay(session.id, card, **details)
        assert answer["error"] is None, answer["error"]
        return self.v1.checkout.sessions.retrieve(session.id)

    def gift(self, card: str = VISA, **more: Any) -> PaymentIntent:
        """Sell one gift and return its payment."""
        session = self.pay(self.session(**more), card)
        return self.v1.payment_intents.retrieve(str(session.payment_intent), {"expand": ["latest_charge"]})

    def charge(self, card: str = VISA, **more: Any) -> Charge:
        """Sell one gift and return its charge."""
        charge = self.gift(card, **more).latest_charge
        assert isinstance(charge, Charge)
        return charge

    def subscription(self, card: str = VISA, **more: Any) -> Subscription:
        """Sell a monthly gift by Checkout."""
        session = self.pay(self.session("subscription", **more), card)
        return self.v1.subscriptions.retrieve(str(session.subscription))

    def customer(self, card: str = VISA, **more: Any) -> Customer:
        """Make a customer with a default card."""
        customer = self.v1.customers.create({"email": "reader@example.org", **more})
        self.sandbox.change_card(customer.id, card)
        return self.v1.customers.retrieve(customer.id)

    def types(self) -> list[str]:
        """Return the kinds of all events so far, oldest first."""
        return [event["type"] for event in self.sandbox.events()]
