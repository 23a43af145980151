"""Many rows of giving at once, by INSERT … SELECT, through every constraint that the product's own rows pass.

Columns that are not named get what the model's field would get, so a new column does not break the benchmarks.
"""

import uuid
from typing import Any

from django.conf import settings
from django.db import connections, models, transaction

from donations.models import (
    CheckoutSession,
    Decline,
    Dispute,
    Donation,
    Donor,
    Payment,
    RecurringGift,
    Refund,
    Reminder,
    StripeCustomer,
    StripeEvent,
)
from tests.owner import become_owner

# Only the owner of the tables may write so many rows without looking every reference up.
OWNER = "owner" if "owner" in settings.DATABASES else "default"
connection = connections[OWNER]

# The newest row is of this moment, and each older one a little older, over five years.
AGES = "now() - ({count} - n) * (interval '5 years' / {count})"


def fill(model: type[models.Model], count: int, **columns: str) -> None:
    """Add `count` rows; each column is an SQL expression over `n`, which runs from 1. Keys are `n`."""
    key = model._meta.pk.column
    given = {key: "n", **columns}
    names, expressions, values = [], [], []
    for field in model._meta.concrete_fields:
        if field.generated:
            continue
        names.append(f'"{field.column}"')
        if (expression := given.pop(field.column, None)) is not None:
            expressions.append(expression.replace("AGE", AGES.format(count=count)))
        elif field.default is uuid.uuid4 or isinstance(field, models.UUIDField):
            expressions.append("gen_random_uuid()")
        else:
            expressions.append("%s")
            values.append(field.get_db_prep_save(field.get_default(), connection))
    assert not given, f"{model.__name__} has no column called {', '.join(given)}"
    table = model._meta.db_table
    with transaction.atomic(using=OWNER), connection.cursor() as cursor:
        # Every reference is right by construction, and to look each of millions up takes most of the time.
        become_owner(cursor)
        cursor.execute(
            f'INSERT INTO "{table}" ({", ".join(names)}) '  # noqa: S608 - names from the models, expressions from here.
            f"SELECT {', '.join(expressions)} FROM generate_series(1, {count}) n",
            values,
        )
        # A key that is no sequence of the database's has none to move.
        cursor.execute("SELECT setval(pg_get_serial_sequence(%s, %s), %s)", [table, key, count])


def empty() -> None:
    """Take every row of giving away."""
    tables: list[Any] = [
        Donor, Donation, StripeCustomer, RecurringGift, Payment, Refund, Dispute, StripeEvent, CheckoutSession, Decline,
        Reminder,
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(model._meta.db_table for model in tables)} CASCADE")


def make_payments(count: int) -> None:
    """Write a newsroom's books with so many payments: seven of ten are turns of monthly gifts, of seven turns each."""
    gifts = count // 10
    turns = 7 * gifts
    donations = gifts + count - turns
    donors = donations * 3 // 4
    currency = "(ARRAY['USD', 'EUR', 'EUR', 'GBP'])[1 + {} %% 4]"
    fill(
        Donor,
        donors,
        email="'donor' || n || '@example.org'",
        name="CASE WHEN n %% 3 = 0 THEN 'Reader ' || n ELSE '' END",
        created_at="AGE",
    )
    fill(
        Donation,
        donations,
        donor_id=f"1 + n %% {donors}",
        frequency=f"CASE WHEN n <= {gifts} THEN 'monthly' ELSE 'once' END",
        amount="1000 + n %% 9000",
        currency=currency.format("n"),
        state="CASE WHEN n %% 500 = 0 THEN 'returned' ELSE 'given' END",
        campaign="CASE WHEN n %% 50 = 0 THEN 'autumn' ELSE '' END",
        created_at="AGE",
        state_at="AGE",
    )
    fill(
        CheckoutSession,
        donations,
        donation_id="n",
        number="1",
        parameters="'{}'::jsonb",
        state="'complete'",
        stripe_id="'cs_' || md5(n::text)",
        created_at="AGE",
        expires_at="AGE",
    )
    fill(StripeCustomer, gifts, donor_id=f"1 + n %% {donors}", stripe_id="'cus_' || n", livemode="false")
    fill(
        RecurringGift,
        gifts,
        donation_id="n",
        customer_id="n",
        stripe_id="'sub_' || md5(n::text)",
        frequency="'monthly'",
        state="(ARRAY['active', 'active', 'active', 'past due', 'paused'])[1 + n %% 5]",
        amount="1000 + n %% 9000",
        currency=currency.format("n"),
        started_at="AGE",
        period_ends_at="now() + interval '9 days'",
        livemode="false",
    )
    donation = f"(CASE WHEN n <= {turns} THEN 1 + n %% {gifts} ELSE n - {turns - gifts} END)"
    fill(
        Payment,
        count,
        payment_intent_id="'pi_' || md5(n::text)",
        charge_id="'ch_' || md5(n::text)",
        invoice_id=f"CASE WHEN n <= {turns} THEN 'in_' || md5(n::text) END",
        donation_id=donation,
        recurring_gift_id=f"CASE WHEN n <= {turns} THEN 1 + n %% {gifts} END",
        frequency=f"CASE WHEN n <= {turns} THEN 'monthly' ELSE 'once' END",
        is_renewal=f"n BETWEEN {gifts + 1} AND {turns}",
        state="CASE WHEN n %% 1000 = 0 THEN 'failed' ELSE 'paid' END",
        method="'card'",
        gross=f"1000 + {donation} %% 9000",
        currency=currency.format(donation),
        settled="5000",
        fee="175",
        net="4825",
        settled_currency="'EUR'",
        created_at="AGE",
        paid_at="CASE WHEN n %% 1000 <> 0 THEN AGE END",
        gift_date="CASE WHEN n %% 1000 <> 0 THEN (AGE)::date END",
        livemode="false",
    )
    fill(
        Refund,
        count // 50,
        payment_id="n * 50 - 1",
        stripe_id="'re_' || n",
        amount="500",
        currency="'EUR'",
        state="'succeeded'",
        reason="'requested_by_customer'",
        created_at="AGE",
        livemode="false",
    )
    fill(
        Dispute,
        count // 500,
        payment_id="n * 500 - 1",
        stripe_id="'du_' || n",
        amount="500",
        currency="'EUR'",
        state="(ARRAY['won', 'lost', 'needs_response'])[1 + n %% 3]",
        reason="'fraudulent'",
        created_at="AGE",
        livemode="false",
    )
    # Applied events are kept for three months only.
    fill(
        StripeEvent,
        count // 4,
        stripe_id="'evt_' || md5(n::text)",
        type="(ARRAY['payment_intent.succeeded', 'charge.succeeded', 'invoice.paid', 'refund.created'])[1 + n %% 4]",
        object_id="'pi_' || md5(n::text)",
        created_at="AGE",
        received_at="AGE",
        not_before="AGE",
        ended_at="AGE",
        state="CASE WHEN n %% 997 = 0 THEN 'ignored' ELSE 'applied' END",
        livemode="false",
    )
    fill(
        Decline,
        count // 20,
        charge_id="'ch_declined' || n",
        donation_id="n",
        code="(ARRAY['insufficient_funds', 'generic_decline', 'expired_card'])[1 + n %% 3]",
        at="AGE",
    )
    fill(
        Reminder,
        count // 10,
        email="'reader' || n || '@example.org'",
        span="'1-month'",
        due_date="(AGE)::date",
        due_at="AGE",
        wording="'Remind me in a month.'",
        policy_version="'1'",
        policy_hash="''",
        state="'cancelled'",
        asked_at="AGE",
        cancelled_at="AGE",
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
