"""Exporting subscribers: with a reason, under the list's filter, streamed, and harmless in a spreadsheet."""

import csv
import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from newsroom.models import HistoryEntry
from subscriptions import exporting
from subscriptions.models import (
    Newsletter,
    Subscription,
)
from tests.subscriptions.factories import NOW, make_subscription

State = Subscription.State


def test_export_needs_a_reason_follows_the_filter_and_is_recorded(staff_client: Client, newsletter: Newsletter) -> None:
    make_subscription(newsletter=newsletter, email="+cmd@example.org")
    make_subscription(newsletter=newsletter, email="gone@example.org", state=State.UNSUBSCRIBED)
    url = "/admin/subscriptions/subscription/export/?state__exact=active"
    assert "Why" in staff_client.get(url).content.decode()
    assert "Why" in staff_client.post(url, {"reason": " "}).content.decode()
    response = staff_client.post(url, {"reason": "move to another server"})
    file = b"".join(response.streaming_content).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(file)))
    assert [(row["email"], row["state"]) for row in rows] == [("'+cmd@example.org", "active")]
    entry = HistoryEntry.objects.get(action="subscribers.exported")
    assert (entry.reason, entry.after) == ("move to another server", {"filter": ["state__exact"], "rows": 1})


def test_export_is_for_those_who_may(client: Client, newsletter: Newsletter) -> None:
    client.force_login(User.objects.create_user("reporter", is_staff=True))
    assert client.post("/admin/subscriptions/subscription/export/", {"reason": "x"}).status_code == 403


def test_file_is_streamed_in_one_query_however_many_there_are(
    newsletter: Newsletter, django_assert_num_queries: Any
) -> None:
    assert len(list(exporting.subscriptions(Subscription.objects.all()))) == 2
    for number in range(12):
        make_subscription(newsletter=newsletter, email=f"reader{number}@example.org")
    with django_assert_num_queries(1):
        rows = list(exporting.subscriptions(Subscription.objects.all()))
    assert rows[0] == "\ufeff"
    assert [row.partition("@")[0] for row in rows[2:]] == [f"reader{number}" for number in range(12)]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_cell_that_a_spreadsheet_would_run_is_text(begin: str) -> None:
    cell = f'{begin}HYPERLINK("https://evil.example";"x")'
    rows = list(exporting.lines(["cell", "time", "none"], [[cell, NOW, None]]))
    (row,) = csv.DictReader(io.StringIO("".join(rows[1:]), newline=""))
    assert row["cell"] == f"'{cell}"
    assert (row["time"], row["none"]) == (NOW.isoformat(), "")
