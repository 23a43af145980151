"""A new policy that needs new consent: the numbers, the mails, the answers, and the deadline."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.test import Client

from newsroom import persons
from newsroom.models import HistoryEntry, OutgoingMail
from subscriptions import consent, ledger, renewing
from subscriptions.models import Consent, ConsentRenewal, Newsletter, PrivacyPolicy, RenewalRequest, Subscription
from tests.subscriptions.conftest import link_in
from tests.subscriptions.factories import make_newsletter, make_policy, make_subscription

State = Subscription.State
OLD = datetime(2026, 3, 1, tzinfo=UTC)
PAGE = "/admin/subscriptions/consentrenewal/"


@pytest.fixture
def people(newsletter: Newsletter) -> dict[str, Subscription]:
    """Readers under the old policy, and one who agreed to the new one already."""
    people = {
        name: make_subscription(newsletter=newsletter, email=f"{name}@example.org", at=OLD)
        for name in ("yes", "silent", "leaves", "erased", "again")
    }
    people["pending"] = make_subscription(
        newsletter=newsletter, email="pending@example.org", state=State.PENDING, at=OLD
    )
    people["resting"] = make_subscription(
        newsletter=newsletter, email="resting@example.org", state=State.SUPPRESSED, at=OLD
    )
    people["russian"] = make_subscription(
        newsletter=make_newsletter(name="Письмо", slug="pismo", language="ru"), email="russian@example.org", at=OLD
    )
    return people


@pytest.fixture
def policy(people: dict[str, Subscription], newsletter: Newsletter) -> PrivacyPolicy:
    policy = make_policy(version="2026-2", in_force_from=datetime.now(UTC) - timedelta(days=1))
    make_subscription(newsletter=newsletter, email="new@example.org", at=datetime.now(UTC))
    return policy


def state_of(subscription: Subscription) -> str:
    return Subscription.objects.get(pk=subscription.pk).state


def test_run_from_the_numbers_to_the_deadline(
    people: dict[str, Subscription],
    policy: PrivacyPolicy,
    newsletter: Newsletter,
    staff_client: Client,
    client: Client,
    send_mail_now: Callable[[], list[EmailMessage]],
) -> None:
    page = staff_client.get(f"{PAGE}start/").content.decode()
    assert [(one.newsletter, one.language, one.count) for one in renewing.numbers(policy)] == [
        ("The Friday Letter", "en", 6), ("Письмо", "ru", 1),
    ]  # fmt: skip
    assert "Write to 7" in page
    assert not ConsentRenewal.objects.exists()
    wrong = staff_client.post(f"{PAGE}start/", {"remind_after": "30", "answer_within": "30"})
    assert (wrong.status_code, ConsentRenewal.objects.count()) == (422, 0)
    staff_client.post(f"{PAGE}start/", {"remind_after": "10", "answer_within": "30"})
    staff_client.post(f"{PAGE}start/", {"remind_after": "10", "answer_within": "30"})
    run = ConsentRenewal.objects.get()
    assert (run.concerned, HistoryEntry.objects.filter(action="renewal.started").count()) == (7, 1)

    at = datetime.now(UTC)
    renewing.work(run.pk, at=at)
    renewing.work(run.pk, at=at)
    mails = {mail["To"]: mail for mail in send_mail_now()}
    assert set(mails) == {f"{name}@example.org" for name in people if name != "pending"}
    assert mails["yes@example.org"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    link = link_in(mails["yes@example.org"], "again")
    shown = client.get(link)
    assert (shown.status_code, Consent.objects.filter(method="reconsent").exists()) == (200, False)
    words = shown.context["statement"].fingerprint
    assert "Without an answer" in client.post(link, {"statement": "old words"}).content.decode()
    assert "Thank you" in client.post(link, {"statement": words}).content.decode()
    agreed = Consent.objects.get(method="reconsent")
    assert (agreed.subject, agreed.policy_version) == (people["yes"].subscriber.subject, "2026-2")
    assert agreed.wording == shown.context["statement"].wording

    # One leaves by the button of the mail program, one is erased, and one signs up anew by the form.
    consent.withdraw(people["leaves"], page="", method=Consent.Method.ONE_CLICK, at=at)
    persons.erase("erased@example.org", at=at)
    make_subscription(newsletter=newsletter, email="again@example.org", at=at)

    renewing.work(run.pk, at=at + timedelta(days=9))
    assert RenewalRequest.objects.filter(state="reminded").count() == 0
    renewing.work(run.pk, at=at + timedelta(days=10))
    reminded = RenewalRequest.objects.filter(state="reminded")
    assert {row.subscription for row in reminded} == {people["silent"], people["resting"], people["russian"]}
    assert OutgoingMail.objects.filter(key__endswith=":reminder").count() == 3

    # A pause of five days gives everybody five days more.
    staff_client.post(f"{PAGE}{run.pk}/pause/")
    ConsentRenewal.objects.update(paused_at=at + timedelta(days=20))
    renewing.work(run.pk, at=at + timedelta(days=60))
    assert state_of(people["silent"]) == State.ACTIVE
    run.refresh_from_db()
    renewing.resume(run, by=None, at=at + timedelta(days=25))
    renewing.work(run.pk, at=at + timedelta(days=34))
    assert state_of(people["silent"]) == State.ACTIVE
    renewing.work(run.pk, at=at + timedelta(days=35))

    assert {name: state_of(one) for name, one in people.items() if name not in ("pending", "erased")} == {
        "yes": State.ACTIVE, "again": State.ACTIVE, "leaves": State.UNSUBSCRIBED, "silent": State.UNSUBSCRIBED,
        "resting": State.UNSUBSCRIBED, "russian": State.UNSUBSCRIBED,
    }  # fmt: skip
    stopped = Consent.objects.filter(method="deadline", action="withdrawn")
    assert {row.reason for row in stopped} == {"no answer about version 2026-2"}
    assert len(stopped) == 3
    run.refresh_from_db()
    assert run.state == "ended"
    assert [count for _state, count in renewing.progress(run)] == [0, 0, 0, 2, 1, 3]
    assert "did not answer" in staff_client.get(f"{PAGE}{run.pk}/change/").content.decode()
    assert not list(ledger.faults())

    # Who comes too late subscribes anew by the same button.
    late = client.post(link_in(mails["silent@example.org"], "again"), {"statement": words})
    assert (late.status_code, state_of(people["silent"])) == (200, State.ACTIVE)
    assert client.get(link_in(mails["erased@example.org"], "again")).status_code == 410


def test_worker_that_is_killed_asks_nobody_twice(policy: PrivacyPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime.now(UTC)
    run = renewing.start(policy, remind_after=10, answer_within=30, by=None, at=at)
    monkeypatch.setattr(renewing, "BATCH", 2)
    monkeypatch.setattr(renewing, "BATCHES_A_TURN", 2)
    renewing.work(run.pk, at=at)
    assert OutgoingMail.objects.filter(template="renew_consent").count() == 4
    renewing.work(run.pk, at=at)
    assert OutgoingMail.objects.filter(template="renew_consent").count() == 7
    assert not RenewalRequest.objects.filter(state="waiting").exists()


def test_run_leaves_room_in_the_outbox_and_cancelling_stops_nobody(
    policy: PrivacyPolicy, people: dict[str, Subscription], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime.now(UTC)
    run = renewing.start(policy, remind_after=1, answer_within=2, by=None, at=at)
    monkeypatch.setattr(renewing, "BATCH", 2)
    monkeypatch.setattr(renewing, "MOST_WAITING_MAILS", 3)
    renewing.work(run.pk, at=at)
    assert OutgoingMail.objects.count() == 4
    assert renewing.cancel(run, by=None, at=at)
    renewing.work(run.pk, at=at + timedelta(days=90))
    assert state_of(people["silent"]) == State.ACTIVE
    with pytest.raises(renewing.NothingToRenew):
        renewing.start(make_policy(is_published=False), remind_after=1, answer_within=2, by=None, at=at)


def test_only_a_post_of_who_may_moves_a_run(
    policy: PrivacyPolicy, staff_client: Client, django_user_model: Any
) -> None:
    run = renewing.start(policy, remind_after=10, answer_within=30, by=None, at=datetime.now(UTC))
    editor = django_user_model.objects.create_user("editor", is_staff=True)
    other = Client()
    other.force_login(editor)
    assert staff_client.get(f"{PAGE}{run.pk}/pause/").status_code == 403
    assert other.post(f"{PAGE}{run.pk}/pause/").status_code == 403
    assert other.get(f"{PAGE}start/").status_code == 403
    run.refresh_from_db()
    assert run.state == "running"
