"""Balance transactions: every movement of money in the account, and the balance that follows from them."""

from typing import Any

from sandbox.stripe import listing, money
from sandbox.stripe.ids import new_id
from sandbox.stripe.shapes import Thing, complete
from sandbox.stripe.world import World

Params = dict[str, Any]

DAYS_UNTIL_AVAILABLE = 2
DAY = 86_400


def move(
    world: World,
    *,
    kind: str,
    amount: int,
    currency: str,
    source: str,
    fee: int = 0,
    fee_words: str = "Stripe processing fees",
    reporting_category: str | None = None,
    description: str | None = None,
) -> Thing:
    """Write one movement. `amount` is signed; the net is what remains after the fee."""
    details = [
        {"amount": fee, "application": None, "currency": currency, "description": fee_words, "type": "stripe_fee"}
    ]
    return world.store.put(
        complete(
            "balance_transaction",
            id=new_id("balance_transaction"),
            amount=amount,
            available_on=world.now() + DAYS_UNTIL_AVAILABLE * DAY,
            balance_type="payments",
            created=world.now(),
            currency=currency,
            description=description,
            fee=fee,
            fee_details=details if fee else [],
            net=amount - fee,
            reporting_category=reporting_category or kind,
            source=source,
            status="pending",
            type=kind,
        )
    )


def charge_movement(world: World, charge: Thing, amount: int) -> Thing:
    """Write the income of a charge, less Stripe's fee."""
    return move(
        world,
        kind="charge" if charge["payment_method_details"]["type"] == "card" else "payment",
        amount=amount,
        currency=charge["currency"],
        fee=money.fee(amount),
        reporting_category="charge",
        source=charge["id"],
        description=charge["description"],
    )


def _current(world: World, row: Thing) -> Thing:
    return row | {"status": "available" if row["available_on"] <= world.now() else "pending"}


def retrieve(world: World, params: Params, balance_transaction: str) -> Thing:
    """Return one movement."""
    return _current(world, world.fetch("balance_transaction", balance_transaction))


def list_all(world: World, params: Params) -> Thing:
    """Return a page of movements."""
    filters = listing.equal_to(params, "currency", "source", "type")
    listed = listing.page(world, "balance_transaction", params, "/v1/balance_transactions", **filters)
    return listed | {"data": [_current(world, row) for row in listed["data"]]}


def retrieve_balance(world: World, params: Params) -> Thing:
    """Return what the account holds in each currency, available and on its way."""
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for row in world.store.select("balance_transaction"):
        of_state = sums[_current(world, row)["status"]]
        of_state[row["currency"]] = of_state.get(row["currency"], 0) + row["net"]
    return {
        "object": "balance",
        "livemode": False,
        **{
            state: [
                {"amount": amount, "currency": currency, "source_types": {"card": amount}}
                for currency, amount in found.items()
            ]
            for state, found in sums.items()
        },
    }
