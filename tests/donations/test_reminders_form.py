"""The form, through the front door: one INSERT and one answer, whoever is asked about and whatever is sent."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from donations.models import Reminder, ReminderChoice
from donations.reminder_words import statement
from donations.tasks import tick
from newsroom.models import OutgoingMail, Outlet
from tests.conftest import Broker
from tests.donations.factories import make_amount_rules, make_appeal
from tests.donations.reminder_factories import EMAIL, ask, make_choices, make_reminder, wish_fields
from tests.newsroom.factories import make_article
from tests.subscriptions.factories import make_policy, make_subscription

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _offer(db: None) -> None:
    make_amount_rules()
    make_choices()
    make_policy()


def test_a_wish_becomes_one_row_and_an_answer_with_its_day(client: Client) -> None:
    response = ask(client)
    assert response.status_code == 303
    reminder = Reminder.objects.get()
    assert response["Location"] == f"/remind/noted/?day={reminder.due_date.isoformat()}&language=en"
    assert (reminder.email, reminder.span, reminder.state) == (EMAIL, "1-month", "asked")
    page = client.get(response["Location"])
    assert f"{reminder.due_date:%Y}" in page.content.decode()
    assert not OutgoingMail.objects.exists()


def test_the_wish_keeps_what_the_reader_was_shown_and_had_chosen(client: Client) -> None:
    article, appeal = make_article(), make_appeal()
    chosen = {"frequency": "monthly", "amount": "1000", "currency": "EUR"}
    ask(client, article=article.pk, appeal=appeal.pk, **chosen)
    reminder = Reminder.objects.get()
    words = statement("en", at=datetime.now(UTC))
    assert words is not None
    assert (reminder.wording, reminder.policy_version) == (words.wording, words.policy_text.policy.version)
    assert (reminder.frequency, reminder.amount, reminder.currency) == ("monthly", 1000, "EUR")
    assert (reminder.article, reminder.appeal, reminder.page) == (article, appeal, article.get_absolute_url())


def test_the_answer_and_the_work_are_the_same_for_every_address(client: Client, django_assert_num_queries: Any) -> None:
    make_subscription(email="known@example.org")
    make_reminder(email="asked@example.org")
    answers = set()
    for email in ("new@example.org", "known@example.org", "asked@example.org"):
        fields = wish_fields(email=email)
        # Times, policy text, outlet (words and day), and one INSERT between two savepoint lines.
        with django_assert_num_queries(7) as queries:
            response = client.post("/remind/", fields)
        inserts = [query["sql"] for query in queries if query["sql"].startswith("INSERT")]
        assert len(inserts) == 1
        answers.add((response.status_code, response["Location"], response.content))
    assert len(answers) == 1


def test_neither_the_form_nor_the_answer_sets_a_cookie_or_runs_a_script(client: Client) -> None:
    for response in (client.get("/remind/"), ask(client), client.get("/remind/noted/")):
        assert not response.cookies
        assert "<script" not in response.content.decode()
        assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("origin", ["null", "https://mirror.example"])
def test_a_form_on_another_origin_is_taken(origin: str) -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/remind/", wish_fields(), headers={"Origin": origin})
    assert response.status_code == 303
    assert Reminder.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"email": ""}, "Please write your email address."),
        ({"email": "reader@"}, "This does not look like an email address."),
        ({"email": "a" * 300 + "@example.org"}, "too long"),
        ({"email": "read\x00er@example.org"}, "Null characters are not allowed."),
        ({"when": ""}, "Please choose a time."),
        ({"when": "0-months"}, "Please choose one of these times."),
        ({"when": "12-months"}, "Please choose one of these times."),
        ({"when": "-1-month"}, "Please choose one of these times."),
        ({"statement": "older words"}, "These words have changed"),
    ],
)
def test_what_cannot_be_taken_is_named_and_the_rest_kept(client: Client, fields: dict[str, str], words: str) -> None:
    response = ask(client, **fields)
    assert response.status_code == 422
    page = response.content.decode()
    assert words in page
    if "email" not in fields:
        assert f'value="{EMAIL}"' in page
    assert not Reminder.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"frequency": "hourly", "amount": "1000", "currency": "USD"},
        {"frequency": "monthly", "amount": "1", "currency": "USD"},
        {"frequency": "monthly", "amount": "9" * 40, "currency": "USD"},
        {"frequency": "monthly", "amount": "1000", "currency": "XXX"},
        {"frequency": "monthly", "amount": "-1000", "currency": "USD"},
        {"amount": "<script>"},
        {"article": "999999", "appeal": "999999"},
        {"article": "' OR 1=1", "appeal": "9" * 30},
        {"language": "xx"},
    ],
)
def test_a_choice_that_nobody_could_make_is_left_out(client: Client, fields: dict[str, str]) -> None:
    fields = {**wish_fields(), **fields}
    assert client.post("/remind/", fields).status_code == 303
    reminder = Reminder.objects.get()
    assert (reminder.frequency, reminder.amount, reminder.currency) == ("", None, "")
    assert (reminder.article_id, reminder.appeal_id, reminder.language) == (None, None, "en")


def test_what_a_program_filled_in_is_answered_alike_and_not_kept(client: Client) -> None:
    honest = ask(client)
    Reminder.objects.all().delete()
    trapped = ask(client, website="https://spam.example")
    assert (trapped.status_code, trapped["Location"]) == (honest.status_code, honest["Location"])
    assert not Reminder.objects.exists()


def test_one_network_may_not_ask_without_end(client: Client) -> None:
    fields = wish_fields()
    answers = [
        client.post("/remind/", {**fields, "email": f"r{n}@example.org"}, REMOTE_ADDR="203.0.113.9").status_code
        for n in range(21)
    ]
    assert answers == [303] * 20 + [429]
    assert Reminder.objects.count() == 20
    assert client.post("/remind/", fields, REMOTE_ADDR="198.51.100.7").status_code == 303


def test_without_a_time_or_a_policy_there_is_no_form(client: Client) -> None:
    ReminderChoice.objects.all().delete()
    assert client.get("/remind/").status_code == 404
    assert client.post("/remind/", {"email": EMAIL}).status_code == 404


def test_the_disclosure_stands_under_the_donation_form(client: Client) -> None:
    appeal, article = make_appeal(), make_article()
    page = client.get(article.get_absolute_url()).content.decode()
    assert "Not ready to support today? Remind me later." in page
    form = page.partition('class="remind-form"')[2].partition("</form>")[0]
    assert f'name="article" value="{article.pk}"' in form
    assert f'name="appeal" value="{appeal.pk}"' in form
    # Only what the page itself knows rides along, so that a cached page is the same for everyone.
    assert 'name="amount"' not in form


def test_a_sensitive_article_has_no_disclosure(client: Client) -> None:
    make_appeal()
    page = client.get(make_article(is_sensitive=True).get_absolute_url()).content.decode()
    assert "Remind me later" not in page


def test_a_gift_already_chosen_rides_along(client: Client) -> None:
    query = "frequency=monthly&amount=1000&currency=EUR&language=en"
    page = client.get(f"/support/7a9d3f52-3f0e-4a61-8d6b-2f8a0c1d2e3f/?{query}").content.decode()
    form = page.partition('class="remind-form"')[2].partition("</form>")[0]
    for name, value in (("frequency", "monthly"), ("amount", "1000"), ("currency", "EUR")):
        assert f'name="{name}" value="{value}"' in form


def test_a_link_chooses_the_time_and_the_gift_beforehand(client: Client) -> None:
    link = {"when": "3-months", "frequency": "monthly", "amount": "1000", "currency": "EUR"}
    page = client.get("/remind/", link).content.decode()
    assert '<input type="radio" name="when" value="3-months" checked>' in page
    assert 'name="amount" value="1000"' in page
    page = client.get("/remind/", {"when": "0-months"}).content.decode()
    assert '<input type="radio" name="when" value="1-month" checked>' in page


def test_the_day_in_the_answers_address_may_be_anything(client: Client) -> None:
    for day in ("", "tomorrow", "<script>alert(1)</script>", "9999-99-99", "0001-01-01"):
        response = client.get("/remind/noted/", {"day": day})
        assert response.status_code == 200
        assert "alert" not in response.content.decode()


def test_the_outlets_name_is_shown_as_text(client: Client) -> None:
    Outlet.objects.create(pk=1, name="<b>Bold</b> & {policy}", contact_email="a@example.org", time_zone="Europe/Prague")
    page = client.get("/remind/").content.decode()
    assert "<b>Bold</b>" not in page
    assert "(Europe/Prague)" in page


@pytest.mark.django_db(transaction=True)
def test_a_wish_survives_without_the_broker(
    client: Client, broker: Broker, run_queue: Callable[[], int], smtp: Any
) -> None:
    broker.leave()
    assert ask(client).status_code == 303
    broker.come_back()
    assert run_queue() == 0
    assert Reminder.objects.get().state == "asked"
    tick()
    run_queue()
    assert Reminder.objects.get().state == "pending"
