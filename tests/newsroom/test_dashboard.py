import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from donations import figures
from donations.models import Dispute
from newsroom import preparing
from newsroom.models import Alarm, Job
from subscriptions.models import Delivery, Issue
from subscriptions.panels import NOBODYS_OWN, delivery_panel
from tests.donations.factories import make_event, make_payment
from tests.subscriptions.factories import make_newsletter, make_subscription
from tests.subscriptions.issue_factories import make_issue, make_sending_issue

pytestmark = pytest.mark.django_db


DAY = timedelta(days=1)
TITLES = (
    *("What needs a person", "Articles", "Receipts and notices", "Issues", "Subscribers", "Delivery"),
    *("Giving this week", "Income this month", "Recurring gifts", "Reminders"),
)


def test_every_panel_and_figure_leads_to_its_list(staff_client: Client) -> None:
    now = timezone.now()
    issue = make_issue(newsletter=make_newsletter(), send_at=now + timedelta(days=2))
    make_payment(paid_at=now, gift_date=now.date(), gross=2500)
    dispute = Dispute.objects.create(
        stripe_id="dp_1",
        payment=make_payment(),
        amount=500,
        currency="USD",
        state="needs_response",
        answer_by=now + timedelta(days=6),
        created_at=now,
        livemode=False,
    )
    alarm = Alarm.objects.create(name="issue-held", detail="One issue is held.", began_at=now)
    Alarm.objects.create(name="no-longer-known", detail="It was slow.", began_at=now - DAY, ended_at=now - DAY)
    make_event(state="failed", received_at=now, ended_at=now)
    Job.objects.create(name="reconcile", succeeded_at=now, report="compared 9 payments\n2 differed\npi_1: missing")
    assert "for the first time" in staff_client.get("/admin/").content.decode()
    preparing.prepare(at=now)
    page = staff_client.get("/admin/").content.decode()
    for title in TITLES:
        assert f"<h2>{title}</h2>" in page
    alarm_page = f"/admin/newsroom/alarm/{alarm.pk}/change/"
    assert f'<a href="{alarm_page}">One issue is held.</a>' in page
    told = staff_client.get(alarm_page).content.decode()
    assert "Open the issue: it says what it lacks." in told
    assert '<a href="/admin/subscriptions/issue/">' in told
    for words, figure, link in (
        ("events of Stripe&#x27;s that failed", "1", "/admin/donations/stripeevent/?state__exact=failed"),
        ("objects that differed from Stripe&#x27;s last night", "2", "/admin/newsroom/job/"),
        ("alarms of this week that are over", "1", "/admin/newsroom/alarm/?state=ended"),
    ):
        row = page[page.index(words) :].partition("</tr>")[0]
        assert f">{figure}</a>" in row, words
        assert f'href="{link}' in row, words
    assert "It was slow." in staff_client.get("/admin/newsroom/alarm/?state=ended").content.decode()
    assert f"/admin/donations/dispute/{dispute.pk}/change/" in page
    assert f"/admin/subscriptions/issue/{issue.pk}/change/" in page
    assert "Once, USD" in page
    assert page.count('<figure class="chart">') == page.count("<summary>As a table</summary>") >= 3
    assert not re.search(r"<script(?![^>]*src=)|style=|\son[a-z]+=", page)
    links = {part.split('"')[0] for part in page.split('<a href="')[1:] if part.startswith("/admin/")}
    assert len(links) > 30
    # The lists of everything, which stand below the figures, are drawn one by one in tests/staff/test_screens.py.
    below = {
        link
        for app in page.partition('<div class="dashboard-apps">')[2].split('class="model-')[1:]
        for link in re.findall(r'href="(/admin/\w+/\w+/)"', app)
    }
    shown = links - (below - set(re.findall(r'href="([^"]+)"', page.partition('<div class="dashboard-apps">')[0])))
    assert 15 < len(shown) < len(links)
    for link in sorted(shown - {"/admin/logout/", "/admin/password_change/"}):
        assert staff_client.get(link.replace("&amp;", "&")).status_code == 200, link


def test_figures_are_counted_at_night_and_not_by_looking(staff_client: Client) -> None:
    preparing.prepare(at=timezone.now())
    make_payment(paid_at=timezone.now(), gift_date=timezone.now().date(), gross=4711)
    assert "$47.11" not in staff_client.get("/admin/").content.decode()
    assert staff_client.get("/admin/figures/").status_code == 405
    assert staff_client.post("/admin/figures/").status_code == 302
    preparing.prepare(at=timezone.now())
    assert "$47.11" in staff_client.get("/admin/").content.decode()


def test_income_of_this_month_stands_beside_the_same_days_a_year_ago() -> None:
    at = datetime(2028, 2, 29, 12, tzinfo=UTC)
    for day, gross in (((2028, 2, 3), 1000), ((2027, 2, 28), 300), ((2027, 3, 1), 90_000), ((2027, 1, 31), 80_000)):
        make_payment(paid_at=datetime(*day, tzinfo=UTC), gift_date=date(*day), gross=gross)
    panel = figures.income_panel(at)
    assert panel.lines[0][:2] == ("Once, USD", "$10.00 (last year $3.00)")
    assert len(panel.charts[0]["bars"]) == 13


def test_delivery_names_large_providers_and_no_domain_of_a_few() -> None:
    issue = make_sending_issue(newsletter=make_newsletter(), at=timezone.now())
    Issue.objects.filter(pk=issue.pk).update(send_at=timezone.now() - timedelta(hours=1))
    for number in range(NOBODYS_OWN):
        subscription = make_subscription(email=f"r{number}@large.example")
        Delivery.objects.create(
            issue=issue,
            subscription=subscription,
            state="refused" if number < 5 else "accepted",
            outcome_at=timezone.now(),
        )
    alone = make_subscription(email="anna@annas-own.example")
    Delivery.objects.create(issue=issue, subscription=alone, state="accepted", outcome_at=timezone.now())
    words = [line[:2] for line in delivery_panel(timezone.now()).lines[:2]]
    assert words == [("large.example", "75.0% accepted of 20"), ("all others", "100.0% accepted of 1")]


def test_role_sees_only_its_own_panels(client: Client) -> None:
    preparing.prepare(at=timezone.now())
    fundraiser = User.objects.create_user("fund", "fund@meridian.example", "correct horse", is_staff=True)
    fundraiser.groups.add(Group.objects.get(name="Fundraiser"))
    client.force_login(fundraiser)
    page = client.get("/admin/").content.decode()
    assert "<h2>Giving this week</h2>" in page
    assert "<h2>Subscribers</h2>" not in page


def test_dashboard_asks_a_bounded_number_of_questions(staff_client: Client) -> None:
    preparing.prepare(at=timezone.now())
    staff_client.get("/admin/")
    counts = []
    for _ in range(2):
        for _ in range(3):
            make_payment()
            make_subscription()
        with CaptureQueriesContext(connection) as queries:
            staff_client.get("/admin/")
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 26, "\n".join(query["sql"] for query in queries)


def test_page_is_under_the_staff_policy(staff_client: Client) -> None:
    policy = staff_client.get("/admin/")["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-eval" not in policy
