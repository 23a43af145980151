"""Reminders as staff see them: facts, a cancellation with its reason, times, and the dashboard."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from donations.models import Reminder, ReminderChoice, ReminderGift
from donations.reminder_panel import reminders_panel
from newsroom import preparing
from newsroom.models import HistoryEntry
from subscriptions.models import Consent
from tests.donations.factories import make_donation
from tests.donations.reminder_factories import EMAIL, NOW, make_choices, make_reminder
from tests.subscriptions.factories import make_policy

pytestmark = pytest.mark.django_db

LIST = "/admin/donations/reminder/"


def cancel(client: Client, reminder: Reminder, reason: str) -> Any:
    fields = {"action": "cancel", "_selected_action": [reminder.pk], "reason": reason, "confirmed": "yes"}
    return client.post(LIST, fields, follow=True)


def test_the_list_is_filtered_and_searched(staff_client: Client) -> None:
    make_reminder(email=EMAIL)
    make_reminder(email="other@example.org", state="sent")
    assert EMAIL in staff_client.get(LIST, {"q": "Reader@Example.org"}).content.decode()
    page = staff_client.get(LIST, {"state__exact": "sent"}).content.decode()
    assert "other@example.org" in page
    assert EMAIL not in page


def test_the_number_of_queries_does_not_grow_with_the_list(
    staff_client: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        make_reminder(amount=1_000, currency="USD", frequency="once")
    with django_assert_max_num_queries(12):
        assert staff_client.get(LIST).status_code == 200


def test_a_reminder_is_a_fact(staff_client: Client) -> None:
    reminder = make_reminder(email=EMAIL)
    path = f"{LIST}{reminder.pk}/change/"
    page = staff_client.get(path)
    assert page.status_code == 200
    assert 'name="state"' not in page.content.decode()
    assert str(reminder.key) not in page.content.decode()
    assert staff_client.post(path, {"state": "sent"}).status_code == 403
    assert staff_client.post(f"{LIST}{reminder.pk}/delete/", {"post": "yes"}).status_code == 403
    assert staff_client.get(f"{LIST}add/").status_code == 403


def test_cancelling_needs_a_reason_and_leaves_a_history(staff_client: Client, staff_user: User) -> None:
    reminder = make_reminder(email=EMAIL)
    assert "Please write a reason" in cancel(staff_client, reminder, " ").content.decode()
    reminder.refresh_from_db()
    assert reminder.state == "confirmed"
    asked = {"action": "cancel", "_selected_action": [reminder.pk], "reason": "She wrote to us"}
    page = staff_client.post(LIST, asked).content.decode()
    assert "1 person who asked to be reminded will not be" in page
    assert 'name="reason" value="She wrote to us"' in page
    reminder.refresh_from_db()
    assert reminder.state == "confirmed"
    assert "1 cancelled." in cancel(staff_client, reminder, "She wrote to us").content.decode()
    reminder.refresh_from_db()
    assert reminder.state == "cancelled"
    entry = HistoryEntry.objects.get(action="reminder.cancelled")
    assert (entry.actor, entry.reason, entry.object_pk) == (staff_user, "She wrote to us", str(reminder.pk))
    assert EMAIL not in f"{entry.object_text} {entry.before} {entry.after}"
    assert list(Consent.objects.values_list("action", "method", "reason")) == [
        ("withdrawn", "staff", "She wrote to us")
    ]
    assert "0 cancelled." in cancel(staff_client, reminder, "Again").content.decode()


def test_cancelling_needs_its_permission() -> None:
    user = User.objects.create_user("reporter", "r@example.org", "correct horse", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_reminder"))
    client = Client()
    client.force_login(user)
    reminder = make_reminder()
    cancel(client, reminder, "Because")
    reminder.refresh_from_db()
    assert reminder.state == "confirmed"


def test_staff_decide_which_times_are_offered(staff_client: Client, client: Client) -> None:
    make_policy()
    make_choices()
    response = staff_client.post("/admin/donations/reminderchoice/add/", {"span": "6-months", "position": "9"})
    assert response.status_code == 302
    assert "In six months" in Client().get("/remind/").content.decode()
    assert HistoryEntry.objects.filter(action="reminderchoice.added").exists()
    refused = staff_client.post("/admin/donations/reminderchoice/add/", {"span": "0-months", "position": "9"})
    assert refused.status_code == 200
    assert ReminderChoice.objects.count() == 4


def test_the_dashboard_counts_due_sent_and_converted(staff_client: Client) -> None:
    make_reminder(due_date=(NOW + timedelta(days=6)).date())
    make_reminder(due_date=(NOW + timedelta(days=9)).date())
    sent = make_reminder(state="sent")
    make_reminder(state="sent", sent_at=NOW - timedelta(days=8))
    ReminderGift.objects.create(donation=make_donation(), reminder=sent, started_at=NOW, converted_at=NOW)
    panel = reminders_panel(NOW)
    assert [(label, figure) for label, figure, _url in panel.lines] == [
        ("due within a week", "1"),
        ("sent this week", "1"),
        ("led to a gift this week", "1"),
        ("brought within 30 days", "0"),
    ]
    preparing.prepare(at=NOW)
    assert "Reminders" in staff_client.get("/admin/").content.decode()
    for _label, _figure, url in panel.lines:
        assert staff_client.get(url).status_code == 200
    assert staff_client.get(LIST, {"gift": "yes"}).content.decode().count("field-due_date") == 1


def test_wishes_that_nobody_handles_are_shown() -> None:
    make_reminder(state="asked", asked_at=timezone.now() - timedelta(minutes=16))
    assert "One request waits" in reminders_panel(timezone.now()).note
