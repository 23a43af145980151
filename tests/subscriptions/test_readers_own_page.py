"""The reader's own page: a link that is mailed and used once, everything held, and its erasure."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from newsroom.models import OutgoingMail, Suppression
from newsroom.suppressions import suppress
from subscriptions import ledger, unsubscribing, visits
from subscriptions.models import (
    AddressChange,
    Consent,
    Delivery,
    Erasure,
    Newsletter,
    ReaderVisit,
    Subscriber,
    Subscription,
)
from subscriptions.readers import ledger_by_address
from tests.subscriptions.conftest import link_in
from tests.subscriptions.factories import make_newsletter, make_subscription

Ask = Callable[..., Any]


@pytest.fixture
def subscription(newsletter: Newsletter) -> Subscription:
    return make_subscription(newsletter=newsletter, email="lena@example.org")


@pytest.fixture
def ask(
    client: Client,
    run_queue: Callable[[], int],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> Ask:
    def send(address: str) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            response = client.post("/newsletter/mine/ask/", {"email": address})
        run_queue()
        return response

    return send


@pytest.fixture
def link(subscription: Subscription, ask: Ask, send_mail_now: Callable[[], list[EmailMessage]]) -> str:
    ask("Lena@example.org")
    return link_in(send_mail_now()[-1], "open")


@pytest.fixture
def reader(link: str) -> Client:
    """A browser with an open visit."""
    client = Client(enforce_csrf_checks=True)
    assert client.post(link).status_code == 303
    return client


def proof(reader: Client) -> str:
    return re.findall(r'name="proof" value="(\w+)"', reader.get("/newsletter/mine/").content.decode())[0]


def test_answer_is_the_same_for_known_and_unknown_and_only_the_known_get_mail(
    subscription: Subscription, ask: Ask
) -> None:
    known, unknown = ask("lena@example.org"), ask("nobody@example.org")
    assert known.status_code == unknown.status_code == 303
    assert (known.headers.items(), known.content) == (unknown.headers.items(), unknown.content)
    assert [mail.address for mail in OutgoingMail.objects.all()] == ["lena@example.org"]
    assert [visit.address for visit in ReaderVisit.objects.all()] == ["lena@example.org"]


def test_tries_that_failed_do_not_count_as_wishes(subscription: Subscription, settings: Any) -> None:
    at = datetime.now(UTC)
    visit = ReaderVisit.objects.create(address="lena@example.org", language="en", requested_at=at)
    site, settings.SITE_URL = settings.SITE_URL, None
    for _try in range(4):
        with pytest.raises(TypeError):
            visits.send_link(visit.pk, at=at)
    settings.SITE_URL = site
    visits.send_link(visit.pk, at=at)
    assert OutgoingMail.objects.get().template == "own_page"


def test_one_mailbox_gets_three_links_an_hour(subscription: Subscription, ask: Ask) -> None:
    for _wish in range(5):
        ask("lena@example.org")
    assert OutgoingMail.objects.count() == 3
    assert ReaderVisit.objects.count() == 3


def test_opening_the_link_uses_nothing_up(client: Client, link: str) -> None:
    for method in (client.get, client.head):
        response = method(link)
        assert response.status_code == 200
        assert not response.cookies
    assert ReaderVisit.objects.get().opened_at is None


def test_link_works_once(link: str) -> None:
    assert Client().post(link)["Location"] == "/newsletter/mine/"
    for method in (Client().get, Client().post):
        response = method(link)
        assert response.status_code == 410
        assert not response.cookies


def test_link_ends_after_fifteen_minutes(link: str) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        assert Client().post(link).status_code == 410


def test_cookie_is_bound_to_the_page_and_short(link: str) -> None:
    cookie = Client().post(link).cookies["reader"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/newsletter/mine/", True, "Lax")
    assert cookie["max-age"] == 1800


def test_secrets_are_not_in_the_database(link: str) -> None:
    token = link.split("/")[-2]
    secret = Client().post(link).cookies["reader"].value
    visit = ReaderVisit.objects.get()
    assert token not in str(vars(visit))
    assert secret not in str(vars(visit))


def test_visit_ends_after_half_an_hour(reader: Client) -> None:
    assert b"lena@example.org" in reader.get("/newsletter/mine/").content
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31)):
        assert b"lena@example.org" not in reader.get("/newsletter/mine/").content
        assert reader.get("/newsletter/mine/data.json").status_code == 303


def test_page_is_kept_by_no_cache_and_shows_the_address_and_the_consent(reader: Client) -> None:
    response = reader.get("/newsletter/mine/")
    page = response.content.decode()
    assert response["Cache-Control"] == "no-store"
    assert "lena@example.org" in page
    assert "I expressly agree" in page
    assert "You receive it." in page


@pytest.mark.parametrize("path", ["newsletters/", "language/", "address/", "erase/", "leave/"])
def test_post_without_proof_or_visit_changes_nothing(reader: Client, path: str) -> None:
    fields = {"newsletter": "friday", "change": "off", "language": "ru", "email": "new@example.org"}
    for browser, sent in ((reader, {**fields, "proof": "0" * 64}), (reader, fields), (Client(), fields)):
        assert browser.post(f"/newsletter/mine/{path}", sent).status_code == 303
    subscriber = Subscriber.objects.get()
    assert (subscriber.email, subscriber.language) == ("lena@example.org", "en")
    assert Subscription.objects.get().state == Subscription.State.ACTIVE
    assert not AddressChange.objects.exists()
    assert ReaderVisit.objects.exists()


def test_newsletters_and_language_are_switched(reader: Client) -> None:
    sent = {"proof": proof(reader), "newsletter": "friday", "change": "off", "language": "ru"}
    assert reader.post("/newsletter/mine/newsletters/", sent).status_code == 303
    assert reader.post("/newsletter/mine/language/", sent).status_code == 303
    assert Subscription.objects.get().state == Subscription.State.UNSUBSCRIBED
    assert Subscriber.objects.get().language == "ru"


def test_address_changes_by_the_button_in_the_mail_to_the_new_one(
    reader: Client, subscription: Subscription, send_mail_now: Callable[[], list[EmailMessage]]
) -> None:
    sent = {"proof": proof(reader), "email": "New@Example.org"}
    assert reader.post("/newsletter/mine/address/", sent).status_code == 303
    mail = send_mail_now()[-1]
    assert mail["To"] == "new@example.org"
    button = link_in(mail, "confirm")
    assert Client().get(button).status_code == 200
    assert Subscriber.objects.get().email == "lena@example.org"
    assert Client().post(button).status_code == 200
    assert Subscriber.objects.get().email == "new@example.org"
    notice = send_mail_now()[-1]
    assert (notice["To"], notice["Subject"]) == ("lena@example.org", "Your address was changed")
    assert "new@example.org" not in notice.as_string()
    assert Client().post(button).status_code == 410
    subscription.refresh_from_db()
    assert subscription.state == Subscription.State.ACTIVE


def test_address_that_has_a_subscription_is_not_taken_over(
    reader: Client, send_mail_now: Callable[[], list[EmailMessage]]
) -> None:
    other = make_subscription(newsletter=make_newsletter(), email="other@example.org")
    reader.post("/newsletter/mine/address/", {"proof": proof(reader), "email": "other@example.org"})
    assert Client().post(link_in(send_mail_now()[-1], "confirm")).status_code == 409
    assert set(Subscriber.objects.values_list("email", flat=True)) == {"lena@example.org", "other@example.org"}
    assert other.subscriber.email == "other@example.org"


def test_address_that_asked_for_peace_gets_no_mail(reader: Client) -> None:
    before = OutgoingMail.objects.count()
    scope = Suppression.Scope.NEWSLETTERS
    suppress("gone@example.org", reason=Suppression.Reason.ERASED, scope=scope, at=datetime.now(UTC))
    reader.post("/newsletter/mine/address/", {"proof": proof(reader), "email": "gone@example.org"})
    assert OutgoingMail.objects.count() == before


def changes_mailed() -> list[str]:
    return list(OutgoingMail.objects.filter(template="address_change").order_by("pk").values_list("address", flat=True))


def test_changes_of_address_mail_no_flood_of_strangers(reader: Client) -> None:
    sent = {"proof": proof(reader)}
    answers = [
        reader.post("/newsletter/mine/address/", {**sent, "email": f"stranger-{number}@example.org"})
        for number in range(8)
    ]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(303, answers[0]["Location"])}
    assert changes_mailed() == [f"stranger-{number}@example.org" for number in range(5)]
    # The button that was mailed last still works.
    assert AddressChange.objects.get().new_address == "stranger-4@example.org"


def test_one_mailbox_gets_few_changes_of_address_whoever_asks(newsletter: Newsletter) -> None:
    for _reader in range(5):
        subscriber = make_subscription(newsletter=newsletter).subscriber
        visits.request_address_change(subscriber, new_address="stranger@example.org", at=datetime.now(UTC))
    assert changes_mailed() == ["stranger@example.org"] * 3


def test_a_second_button_that_was_mailed_meanwhile_ends_with_the_first(newsletter: Newsletter) -> None:
    subscriber = make_subscription(newsletter=newsletter, email="lena@example.org").subscriber
    at = datetime.now(UTC)
    for token in ("first", "second"):
        AddressChange.objects.create(
            subscriber=subscriber,
            new_address=f"{token}@example.org",
            token_hash=visits._hash(token),
            requested_at=at,
            expires_at=at + timedelta(hours=1),
        )
    visits.change_address("first", at=at)
    with pytest.raises(visits.LinkEnded):
        visits.change_address("second", at=at)
    assert Subscriber.objects.get().email == "first@example.org"


def tables_with(text: str) -> set[str]:
    """Search every column of every table, as a dump of the database would show it."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            sql = f'SELECT count(*) FROM "{table}" t WHERE t::text ILIKE %s'  # noqa: S608 - the database's own names.
            cursor.execute(sql, [f"%{text}%"])
            if cursor.fetchone() != (0,):
                found.add(table)
    return found


def test_export_speaks_of_every_table_that_holds_the_address(reader: Client) -> None:
    reader.post("/newsletter/mine/address/", {"proof": proof(reader), "email": "new@example.org"})
    held = reader.get("/newsletter/mine/data.json").json()
    speaks_of = {
        "newsroom_outgoingmail": held["mails"],
        "subscriptions_subscriber": held["newsletters"]["subscriber"],
        "subscriptions_readervisit": held["newsletters"]["visits"],
        "subscriptions_signuprequest": held["newsletters"]["sign_ups_in_waiting"],
    }
    holding = tables_with("lena@example.org")
    assert {"newsroom_outgoingmail", "subscriptions_subscriber", "subscriptions_readervisit"} == holding
    assert all(speaks_of[table] for table in holding)
    assert held["newsletters"]["address_changes"][0]["new_address"] == "new@example.org"


def test_export_is_a_file_with_the_whole_ledger(reader: Client) -> None:
    response = reader.get("/newsletter/mine/data.json")
    assert response["Content-Disposition"] == 'attachment; filename="my-data.json"'
    held = response.json()["newsletters"]
    assert [row["action"] for row in held["consent"]] == ["granted", "confirmed"]
    assert held["consent"][0]["wording"] == Consent.objects.get(position=1).wording


def test_erasing_is_asked_once_more_and_a_get_erases_nothing(reader: Client) -> None:
    page = reader.get("/newsletter/mine/erase/").content.decode()
    assert "Erase everything?" in page
    assert Subscriber.objects.exists()


def test_after_erasure_the_database_holds_the_address_nowhere(reader: Client, subscription: Subscription) -> None:
    subject = subscription.subscriber.subject
    response = reader.post("/newsletter/mine/erase/", {"proof": proof(reader)})
    assert "We no longer know you." in response.content.decode()
    assert response.cookies["reader"].value == ""
    assert not tables_with("lena")
    assert tables_with(str(subject)) == {"subscriptions_consent", "subscriptions_erasure"}
    assert not ReaderVisit.objects.exists()
    assert reader.get("/newsletter/mine/data.json").status_code == 303


def test_erasure_leaves_its_proof_and_the_evidence_for_who_presents_the_address(
    reader: Client, subscription: Subscription
) -> None:
    subject = subscription.subscriber.subject
    reader.post("/newsletter/mine/erase/", {"proof": proof(reader)})
    erasure = Erasure.objects.get()
    assert erasure.subject == subject
    assert [row.action for row in ledger_by_address("lena@example.org")] == ["granted", "confirmed", "withdrawn"]
    assert not ledger_by_address("other@example.org")
    assert Suppression.objects.get().reason == "erased"
    assert not list(ledger.faults())


def test_erasure_keeps_the_counts_of_issues_and_cancels_waiting_mail(
    reader: Client, subscription: Subscription
) -> None:
    from tests.subscriptions.issue_factories import make_issue  # noqa: PLC0415 - only this test needs an issue.

    issue = make_issue(newsletter=subscription.newsletter)
    at = datetime.now(UTC)
    Delivery.objects.create(
        issue=issue, subscription=subscription, state="refused", outcome_at=at, reply="550 <lena@example.org> unknown"
    )
    reader.post("/newsletter/mine/address/", {"proof": proof(reader), "email": "new@example.org"})
    reader.post("/newsletter/mine/erase/", {"proof": proof(reader)})
    delivery = Delivery.objects.get()
    assert (delivery.subscription, delivery.state, delivery.reply) == (None, "refused", "")
    assert not tables_with("lena")


def test_link_in_an_old_mail_still_answers_after_erasure(
    client: Client, reader: Client, subscription: Subscription
) -> None:
    token = unsubscribing.token(subscription.link_id)
    reader.post("/newsletter/mine/erase/", {"proof": proof(reader)})
    assert client.post(f"/newsletter/unsubscribe/{token}/").status_code == 200
    assert client.get(f"/newsletter/preferences/{token}/").status_code == 410


def test_closing_ends_the_visit(reader: Client) -> None:
    reader.post("/newsletter/mine/leave/", {"proof": proof(reader)})
    assert b"lena@example.org" not in reader.get("/newsletter/mine/").content
    assert not ReaderVisit.objects.exists()


def test_sweep_forgets_old_visits_and_finds_waiting_ones(subscription: Subscription) -> None:
    at = datetime.now(UTC)
    ReaderVisit.objects.create(address="lena@example.org", language="en", requested_at=at - timedelta(days=2))
    waiting = ReaderVisit.objects.create(address="lena@example.org", language="en", requested_at=at)
    assert visits.sweep(at=at) == 1
    assert list(ReaderVisit.objects.all()) == [waiting]


def test_network_that_asks_too_often_is_told(client: Client, db: None, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    sent_by = {"x-forwarded-for": "203.0.113.5"}
    answers = [
        client.post("/newsletter/mine/ask/", {"email": f"r{number}@example.org"}, headers=sent_by).status_code
        for number in range(11)
    ]
    assert answers == [303] * 10 + [429]
