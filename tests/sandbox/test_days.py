"""When the clock of the sandbox's Stripe is advanced, the days between are lived through, and their mails are sent."""

import shlex
import sys
from calendar import monthrange
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from donations.models import RecurringGift
from newsroom.models import OutgoingMail
from sandbox import days
from sandbox.programs import product
from tests.donations.conftest import _short_wait, _stripe_process, amounts, reader, stripe_sandbox  # noqa: F401
from tests.donations.reader import Reader
from tests.donations.reminder_factories import make_reminder
from tests.mailbox import Mailbox

PORTS = {"web": 8000, "mail": 8025, "smtp": 1025, "stripe": 8421}


def test_each_day_is_lived_once_and_the_last_to_the_moment() -> None:
    since = datetime(2027, 1, 31, 9, tzinfo=UTC)
    assert list(days.days_between(since, since + timedelta(hours=1))) == [since + timedelta(hours=1)]
    lived = list(days.days_between(since, since + timedelta(days=3, hours=2)))
    assert [day.day for day in lived] == [31, 1, 2, 3]
    assert lived[-1] == since + timedelta(days=3, hours=2)
    assert len(list(days.days_between(since, since + timedelta(days=4000)))) == days.MOST_DAYS + 1


@pytest.mark.django_db
def test_a_month_and_a_year_bring_what_they_would_have_brought(
    reader: Reader,  # noqa: F811 - the fixture.
    smtp: Mailbox,
) -> None:
    now = timezone.now()
    card_ends = now + timedelta(days=62)
    donation = reader.start(frequency="annual", amount="6000", email="annual@example.org")
    reader.pay(donation, exp_month=card_ends.month, exp_year=card_ends.year)
    reader.give(frequency="monthly", amount="500", email="monthly@example.org")
    reader.webhooks()
    make_reminder(
        state="confirmed", proof="known", confirmed_at=now, due_at=now + timedelta(days=9), email="later@example.org"
    )
    days.live(now)
    smtp.clear()

    clock = now
    for length in (31, 31):
        reader.sandbox.advance(days=length)
        days.main(["--since", clock.isoformat(), "--at", (clock + timedelta(days=length)).isoformat()])
        clock += timedelta(days=length)
        reader.webhooks()
    days.live(clock)
    gift = RecurringGift.objects.get(donation=donation)
    assert gift.card_expires is not None
    assert gift.card_expires.day == monthrange(card_ends.year, card_ends.month)[1]
    assert templates() == Counter(card_expiring=1, reminder=1, receipt=2, renewal_receipt=2)
    assert len(smtp.to("later@example.org")) == 1

    # The notice comes before the renewal although the clock has passed both, and once although the days come again.
    for _number in range(2):
        year = [now + timedelta(days=length) for length in (345, 370)]
        days.main(["--since", year[0].isoformat(), "--at", year[1].isoformat()])
    assert templates()["annual_notice"] == 1
    assert {mail.state for mail in OutgoingMail.objects.all()} == {"sent"}


def templates() -> Counter[str]:
    """Count the mails to readers; a January asks staff for the facts of the yearly statement, too."""
    return Counter(OutgoingMail.objects.exclude(template="notice").values_list("template", flat=True))


def test_the_sandboxs_stripe_is_told_to_live_through_the_days(bare_environment: dict[str, str], tmp_path: Path) -> None:
    environment = {"STRIPE_WEBHOOK_SECRET": "whsec_1", "STRIPE_SANDBOX_DATA": ":memory:"}
    (stripe,) = [one for one in product(environment, PORTS, tmp_path) if one.name == "stripe"]
    command = shlex.split(stripe.environment["STRIPE_SANDBOX_AFTER_ADVANCE"])
    assert command == [sys.executable, "-m", "sandbox.days"]
