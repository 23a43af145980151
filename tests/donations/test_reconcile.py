"""The comparison with Stripe brings back every cent, and finds nothing the second time."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.utils import timezone

from donations import reconcile as comparison
from donations import stripe_api
from donations.models import (
    CheckoutSession,
    Decline,
    Dispute,
    Donation,
    Payment,
    RecurringGift,
    Refund,
    StripeEvent,
    StripeObject,
)
from donations.reconcile import AlreadyRunning, reconcile
from donations.tasks import nightly
from donations.truth import payment_intents
from newsroom.models import OutgoingMail
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db


def some_history(reader: Reader) -> None:
    reader.give()
    reader.give(currency="JPY", amount="5000", covers_fee="on")
    monthly = reader.give(frequency="monthly", amount="500")
    reader.give(frequency="annual", amount="6000")
    refunded, disputed = reader.give(amount="3000"), reader.give(amount="4000")
    reader.sandbox.refund(payment_intent=refunded.payments.get().payment_intent_id, amount=1000)
    reader.sandbox.dispute(payment_intent=disputed.payments.get().payment_intent_id)
    reader.sandbox.advance(months=1, days=1)
    reader.webhooks()
    assert Payment.objects.filter(donation=monthly).count() == 2


def books() -> dict[str, Any]:
    return {
        "payments": sorted(
            Payment.objects.values_list(
                "payment_intent_id",
                "state",
                "gross",
                "refunded",
                "disputed",
                "fee",
                "net",
                "currency",
                "gift_date",
                "is_renewal",
            )
        ),
        "refunds": sorted(Refund.objects.values_list("stripe_id", "state", "amount")),
        "disputes": sorted(Dispute.objects.values_list("stripe_id", "state", "amount", "balance_change")),
        "gifts": sorted(RecurringGift.objects.values_list("stripe_id", "state", "amount", "currency")),
        "donations": sorted(
            (str(key), *rest)
            for key, *rest in Donation.objects.values_list(
                "attempt_key", "frequency", "amount", "fee_cover", "currency", "state", "donor__email"
            )
        ),
    }


def lose_everything() -> None:
    for model in (
        Refund,
        Dispute,
        Payment,
        RecurringGift,
        Decline,
        CheckoutSession,
        Donation,
        StripeEvent,
        StripeObject,
    ):
        model.objects.all().delete()


def since() -> Any:
    return timezone.now() - timedelta(days=2)


def test_a_lost_database_is_written_again_to_the_cent(reader: Reader) -> None:
    some_history(reader)
    before, mails = books(), OutgoingMail.objects.count()
    lose_everything()
    OutgoingMail.objects.all().delete()
    report = reconcile(since=since())
    assert books() == before
    assert report.drift
    assert not report.unreadable
    assert OutgoingMail.objects.count() <= mails
    assert reconcile(since=since()).drift == []


def test_after_webhooks_there_is_nothing_to_repair(reader: Reader) -> None:
    some_history(reader)
    before = books()
    assert reconcile(since=since()).drift == []
    assert books() == before


def test_dropped_webhooks_are_made_up_for(reader: Reader) -> None:
    donation = reader.start()
    reader.pay(donation)
    reader.sandbox.deliveries()
    report = reconcile(since=since())
    donation.refresh_from_db()
    assert (donation.state, Payment.objects.get().state) == ("given", "paid")
    assert OutgoingMail.objects.count() == 1
    assert any("missing" in line for line in report.drift)


def test_a_dry_run_tells_and_changes_nothing(reader: Reader) -> None:
    donation = reader.start()
    reader.pay(donation)
    reader.sandbox.deliveries()
    assert reconcile(since=since(), dry_run=True).drift
    assert not Payment.objects.exists()


def test_a_dry_run_writes_nothing_of_a_recurring_gift(reader: Reader) -> None:
    donation = reader.start(frequency="monthly", amount="500")
    reader.pay(donation)
    reader.sandbox.deliveries()
    lose_everything()
    report = reconcile(since=since(), dry_run=True)
    assert {line.split("_")[0] for line in report.drift} == {"sub", "pi", "cs"}
    assert not RecurringGift.objects.exists()
    assert not Donation.objects.exists()
    assert not StripeObject.objects.exists()


def test_one_unreadable_object_is_told_and_stops_no_other(reader: Reader) -> None:
    spoilt = reader.give(frequency="monthly", amount="500")
    subscription_id = RecurringGift.objects.get(donation=spoilt).stripe_id
    stripe_api.update_subscription(subscription_id, {"metadata": {"newsroom_attempt": "no key"}})
    reader.pay(reader.start())
    reader.sandbox.deliveries()
    lose_everything()
    report = reconcile(since=since())
    assert f"{subscription_id} BadMetadata" in report.unreadable
    assert Payment.objects.get(gross=2000).state == "paid"


def test_the_night_has_the_slow_queue_and_an_hour(settings: Any) -> None:
    assert settings.CELERY_TASK_ROUTES[nightly.name] == {"queue": settings.CELERY_SLOW_QUEUE}
    assert nightly.time_limit and nightly.soft_time_limit
    assert nightly.time_limit > nightly.soft_time_limit > 2400
    # A message that is not acknowledged for so long would be delivered again.
    assert nightly.time_limit < settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]


def test_a_tampered_sum_is_repaired_from_what_stripe_says(reader: Reader) -> None:
    reader.give()
    Payment.objects.update(gross=1)
    report = reconcile(since=since())
    assert Payment.objects.get().gross == 2000
    assert any("1 here, 2000 there" in line for line in report.drift)


def test_money_that_stripe_does_not_know_of_is_told(reader: Reader) -> None:
    reader.give()
    Payment.objects.update(payment_intent_id="pi_nobody_knows", charge_id="ch_nobody_knows")
    report = reconcile(since=since())
    assert report.unreadable == ["pi_nobody_knows StripeMissing resource_missing"]
    assert not report.is_clean


def test_a_dispute_decided_long_after_it_began_is_learnt_without_its_webhook(reader: Reader) -> None:
    gift = reader.give()
    disputed = reader.sandbox.dispute(payment_intent=gift.payments.get().payment_intent_id)
    reader.webhooks()
    assert Payment.objects.get().disputed == 2000
    reader.sandbox.decide(disputed["id"], "won")
    reader.sandbox.deliveries()
    # Stripe's lists hold nothing that was made after tomorrow, as they would not after some months.
    tomorrow = timezone.now() + timedelta(days=1)
    assert reconcile(since=tomorrow).drift == [f"{disputed['id']}: needs_response here, won there"]
    assert (Payment.objects.get().disputed, Dispute.objects.get().state) == (0, "won")
    assert reconcile(since=tomorrow).is_clean


@pytest.mark.django_db(transaction=True)
def test_two_comparisons_at_once_are_one(reader: Reader) -> None:
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [comparison.LOCK])
            with pytest.raises(AlreadyRunning):
                reconcile(since=since())
            with pytest.raises(CommandError, match="Another comparison is running"):
                call_command("reconcile", stdout=StringIO())
            cursor.execute("SELECT pg_advisory_unlock(%s)", [comparison.LOCK])
    finally:
        other.close()
    assert reconcile(since=since()).drift == []


def test_the_night_alarms_staff_only_where_something_differed(reader: Reader) -> None:
    donation = reader.start()
    reader.pay(donation)
    reader.sandbox.deliveries()
    at = timezone.now()
    for _ in range(2):
        comparison.nightly(at=at)
    (mail,) = OutgoingMail.objects.filter(template="notice")
    assert mail.key == f"alarm:drift:{at:%Y-%m-%d}"
    OutgoingMail.objects.all().delete()
    comparison.nightly(at=at)
    assert not OutgoingMail.objects.filter(template="notice").exists()


def test_the_command_is_a_dry_run_first(reader: Reader) -> None:
    donation = reader.start()
    reader.pay(donation)
    reader.sandbox.deliveries()
    out = StringIO()
    call_command("reconcile", stdout=out)
    assert "Repair with --apply" in out.getvalue()
    assert not Payment.objects.exists()
    call_command("reconcile", "--apply", stdout=out)
    assert Payment.objects.get().state == "paid"


def test_stripe_being_away_is_told_and_changes_nothing(reader: Reader, settings: Any) -> None:
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    with pytest.raises(CommandError, match="Start again later"):
        call_command("reconcile", "--apply", stdout=StringIO())


@pytest.mark.parametrize(("fault", "word"), [("server_error", "StripeBroke 500"), ("refuse", "StripeRefused 403")])
def test_an_object_that_stripe_does_not_give_ends_no_comparison_and_alarms_staff(
    reader: Reader, fault: str, word: str
) -> None:
    first, second = reader.start(), reader.start(amount="3000")
    for donation in (first, second):
        reader.pay(donation)
    reader.sandbox.deliveries()
    spoilt = stripe_api.retrieve_checkout_session(str(reader.session_of(first).stripe_id)).payment_intent
    reader.sandbox.mode(**{fault: -1}, method="GET", path=f"/v1/payment_intents/{spoilt}")
    at = timezone.now()
    told = comparison.nightly(at=at)
    assert f"unreadable: {spoilt} {word}" in told
    assert Payment.objects.get().gross == 3000
    assert OutgoingMail.objects.get(template="notice").key == f"alarm:drift:{at:%Y-%m-%d}"
    reader.sandbox.mode(**{fault: 0}, method="GET", path=f"/v1/payment_intents/{spoilt}")
    reconcile(since=since())
    assert Payment.objects.count() == 2
    assert reconcile(since=since()).is_clean


def test_an_object_that_is_gone_or_unknown_to_our_code_ends_no_comparison(reader: Reader) -> None:
    reader.pay(reader.start())
    reader.sandbox.deliveries()
    report = comparison.Report()

    class Gone:
        id = "pi_gone"

    def fetch(stripe_id: str) -> Gone:
        return Gone()

    comparison._compare("pi_gone", fetch, lambda obj: "missing", payment_intents.learn, report, dry_run=False)
    comparison._compare("pi_gone", fetch, lambda obj: obj.amount, payment_intents.learn, report, dry_run=False)
    assert report.unreadable == ["pi_gone StripeMissing resource_missing", "pi_gone AttributeError"]


def test_a_list_that_breaks_off_ends_no_other_and_alarms_staff(reader: Reader) -> None:
    reader.pay(reader.start())
    reader.sandbox.deliveries()
    reader.sandbox.mode(server_error=-1, method="GET", path="/v1/refunds")
    told = comparison.nightly(at=timezone.now())
    assert "not read to the end: refunds (500)" in told
    assert OutgoingMail.objects.filter(template="notice").count() == 1
    reader.sandbox.mode(server_error=0, method="GET", path="/v1/refunds")
    reconcile(since=since())
    assert Payment.objects.get().state == "paid"


def test_a_lost_last_day_comes_back_to_the_cent(reader: Reader) -> None:
    some_history(reader)
    old = Payment.objects.filter(state="paid", refunded=0, disputed=0, donation__frequency="once").first()
    running = RecurringGift.objects.get(donation__frequency="monthly")
    assert old is not None
    yesterday = transaction.savepoint()
    reader.give(amount="4200")
    reader.give(frequency="monthly", amount="900")
    reader.give(currency="JPY", amount="5000", email="late@example.org")
    reader.sandbox.refund(payment_intent=old.payment_intent_id, amount=150)
    reader.sandbox.dispute(
        payment_intent=reader.give(amount="2500", email="late@example.org").payments.get().payment_intent_id
    )
    reader.sandbox.advance(months=1, days=1)
    stripe_api.cancel_subscription(running.stripe_id)
    reader.webhooks()
    before = books()
    transaction.savepoint_rollback(yesterday)
    assert books() != before
    assert reconcile(since=since()).drift
    assert books() == before
    rows = [list(model.objects.order_by("pk").values()) for model in (Payment, Refund, Dispute, Donation, OutgoingMail)]
    assert reconcile(since=since()).is_clean
    again = [
        list(model.objects.order_by("pk").values()) for model in (Payment, Refund, Dispute, Donation, OutgoingMail)
    ]
    assert again == rows


def test_by_hand_a_bar_shows_how_far_it_is(reader: Reader) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    reader.pay(reader.start())
    screen = Terminal()
    call_command("reconcile", stdout=StringIO(), stderr=screen)
    assert "[########............] payments: 1" in screen.getvalue()


def test_long_applied_events_are_deleted_and_open_ones_kept(reader: Reader) -> None:
    reader.give()
    old = timezone.now() - timedelta(days=91)
    StripeEvent.objects.update(received_at=old)
    kept = StripeEvent.objects.order_by("pk").first()
    assert kept is not None
    StripeEvent.objects.filter(pk=kept.pk).update(state="failed")
    comparison.nightly(at=timezone.now())
    assert list(StripeEvent.objects.values_list("pk", flat=True)) == [kept.pk]
    assert connection.is_usable()
