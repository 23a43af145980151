"""Who may write what became of a delivery: claims that lose races write nothing, and counts always add up."""

from collections import Counter
from datetime import date, timedelta
from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from subscriptions import claims, issues, schedule
from subscriptions.models import Delivery, DeliveryTally, Issue, Newsletter, Subscriber
from subscriptions.transports import Outcome, Verdict
from tests.owner import become_owner
from tests.subscriptions.factories import NOW, make_newsletter, make_subscription
from tests.subscriptions.issue_factories import make_issue, make_sending_issue

LEASE = timedelta(minutes=5)


@pytest.fixture
def issue(newsletter: Newsletter) -> Issue:
    for _number in range(3):
        make_subscription(newsletter=newsletter)
    return make_sending_issue(newsletter=newsletter)


def claim(issue: Issue, *, limit: int = 100, lease: timedelta = LEASE, after: int = 0) -> claims.Claim:
    return claims.claim(issue.pk, limit=limit, lease=lease, at=timezone.now(), after=after)


def all_of(held: claims.Claim, verdict: Verdict) -> list[Outcome]:
    return [Outcome(delivery.delivery_id, verdict, 250, "2.0.0 ok") for delivery in held.deliveries]


def states() -> Counter[str]:
    return Counter(Delivery.objects.values_list("state", flat=True))


@pytest.mark.django_db
def test_what_is_claimed_is_not_claimed_again(issue: Issue) -> None:
    first = claim(issue, limit=2)
    second = claim(issue)
    third = claim(issue)

    assert [len(held.deliveries) for held in (first, second, third)] == [2, 1, 0]
    assert first.id != second.id
    assert third.is_empty


@pytest.mark.django_db
def test_deliveries_and_their_issue_cannot_lose_one_another(issue: Issue) -> None:
    with pytest.raises(IntegrityError, match="does not exist"), transaction.atomic():
        Delivery.objects.bulk_create([Delivery(issue_id=issue.pk), Delivery(issue_id=issue.pk + 1)])
    with pytest.raises(IntegrityError, match="still has deliveries"), connection.cursor() as cursor:
        become_owner(cursor, are_triggers_suspended=False)
        cursor.execute("DELETE FROM subscriptions_issue WHERE id = %s", [issue.pk])


@pytest.mark.django_db
def test_nobody_can_tell_the_name_of_a_delivery(newsletter: Newsletter) -> None:
    reader = make_subscription(newsletter=newsletter)
    names = set()
    for week in range(2):
        issue = make_sending_issue(newsletter=newsletter, issue_date=date(2026, 11, 20) + timedelta(weeks=week))
        names.add(Delivery.objects.get(issue=issue, subscription=reader).uuid)
    assert len(names) == 2


@pytest.mark.django_db
def test_only_the_holder_writes(issue: Issue) -> None:
    held = claim(issue)
    Delivery.objects.update(claim_expires_at=NOW)
    claims.expire(at=timezone.now())
    issues.resend_unknown(issue, by=None, at=timezone.now())
    again = claim(issue)

    assert claims.record(held, all_of(held, Verdict.ACCEPTED), at=timezone.now()) == 0
    assert states() == Counter(claimed=3)
    assert claims.record(again, all_of(again, Verdict.ACCEPTED), at=timezone.now()) == 3
    assert states() == Counter(accepted=3)


@pytest.mark.django_db
def test_late_holder_may_say_what_is_certain_but_puts_nothing_back(issue: Issue) -> None:
    held = claim(issue)
    Delivery.objects.update(claim_expires_at=NOW)
    claims.expire(at=timezone.now())
    assert issues.finish(issue, at=timezone.now())
    sent, unsent, refused = held.deliveries

    claims.record(
        held,
        [
            Outcome(sent.delivery_id, Verdict.ACCEPTED, 250),
            Outcome(unsent.delivery_id, Verdict.UNTOUCHED),
            Outcome(refused.delivery_id, Verdict.REFUSED, 550, "5.1.1"),
        ],
        at=timezone.now(),
    )

    assert states() == Counter(accepted=1, unknown=1, refused=1)


@pytest.mark.django_db
def test_what_comes_back_into_a_cancelled_issue_is_taken_out(issue: Issue) -> None:
    held = claim(issue)
    issues.cancel(issue, by=None, at=timezone.now(), reason="a wrong name in the letter")
    claims.record(held, all_of(held, Verdict.UNTOUCHED), at=timezone.now())
    assert states() == Counter(pending=3)

    schedule.tick(at=timezone.now())

    assert set(Delivery.objects.values_list("state", "reason")) == {("skipped", "cancelled")}


@pytest.mark.django_db
def test_nothing_unknown_goes_back_into_an_issue_cancelled_meanwhile(issue: Issue) -> None:
    Newsletter.objects.update(unknown_deliveries=Newsletter.UnknownDeliveries.RESEND)
    held = claim(issue)
    claims.record(held, all_of(held, Verdict.UNKNOWN), at=timezone.now())
    # A worker read the issue before it was cancelled.
    as_read = Issue.objects.select_related("newsletter").get(pk=issue.pk)
    issues.cancel(issue, by=None, at=timezone.now(), reason="a wrong name in the letter")

    assert not issues.finish(as_read, at=timezone.now())

    assert states() == Counter(unknown=3)


@pytest.mark.django_db
def test_a_living_lease_is_left_alone(issue: Issue) -> None:
    claim(issue)

    assert claims.expire(at=timezone.now() + timedelta(days=1)) == 0
    assert states() == Counter(claimed=3)


@pytest.mark.django_db
def test_tries_used_up_are_refused_as_expired(issue: Issue) -> None:
    Delivery.objects.update(tries=len(claims.RETRY_AFTER))
    held = claim(issue)

    claims.record(held, all_of(held, Verdict.DEFERRED), at=timezone.now())

    assert set(Delivery.objects.values_list("state", "reason")) == {("refused", "expired")}


@pytest.mark.django_db
def test_retries_wait_longer_each_time(issue: Issue) -> None:
    waits = []
    for _number in range(len(claims.RETRY_AFTER)):
        held = claim(issue)
        at = timezone.now()
        claims.record(held, all_of(held, Verdict.DEFERRED), at=at)
        moment = Delivery.objects.earliest("pk").not_before
        assert moment is not None
        waits.append(moment - at)
        Delivery.objects.update(not_before=None)

    assert waits == sorted(set(waits))


@pytest.mark.django_db
def test_someone_erased_after_the_preparation_is_skipped(issue: Issue) -> None:
    delivery = Delivery.objects.earliest("pk")
    assert delivery.subscription is not None
    subscriber = delivery.subscription.subscriber
    delivery.subscription.delete()
    Subscriber.objects.filter(pk=subscriber.pk).delete()

    held = claim(issue)

    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == ("skipped", "erased")
    assert (len(held.deliveries), held.skipped) == (2, 1)


@pytest.mark.django_db
def test_the_tally_is_the_truth_whatever_moves_the_rows(issue: Issue) -> None:
    held = claim(issue, limit=2)
    claims.record(held, all_of(held, Verdict.UNKNOWN), at=timezone.now())
    Delivery.objects.filter(state="unknown").earliest("pk").delete()
    Delivery.objects.filter(state="pending").update(state="skipped", reason="cancelled", outcome_at=NOW)

    counts = claims.progress(issue, at=timezone.now()).counts
    assert {state: count for state, count in counts.items() if count} == dict(states())
    assert states() == Counter(unknown=1, skipped=1)
    assert not DeliveryTally.objects.filter(pending=0, claimed=0, accepted=0, refused=0, unknown=0, skipped=0).exists()


@pytest.mark.django_db(transaction=True)
def test_many_workers_claim_everything_once() -> None:
    newsletter = make_newsletter()
    for _number in range(40):
        make_subscription(newsletter=newsletter)
    issue = make_sending_issue(newsletter=newsletter)
    seen: list[int] = []
    barrier = Barrier(4)

    def work() -> None:
        barrier.wait()
        try:
            while not (held := claim(issue, limit=3)).is_empty:
                seen.extend(delivery.delivery_id for delivery in held.deliveries)
        finally:
            connection.close()

    threads = [Thread(target=work) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(seen) == list(Delivery.objects.order_by("pk").values_list("pk", flat=True))


@pytest.mark.django_db(transaction=True)
def test_two_starts_at_once_prepare_one_set() -> None:
    newsletter = make_newsletter()
    for _number in range(5):
        make_subscription(newsletter=newsletter)
    from_one = make_issue(newsletter=newsletter)
    issues.approve(from_one, by=None, at=NOW)
    results: list[str] = []
    barrier = Barrier(3)

    def start() -> None:
        barrier.wait()
        try:
            issues.start(Issue.objects.get(pk=from_one.pk), by=None, at=NOW)
            results.append("started")
        except issues.StepRefused:
            results.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=start) for _number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == ["refused", "refused", "started"]
    assert Delivery.objects.count() == 5
