import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

pytestmark = pytest.mark.django_db


def test_every_panel_and_figure_leads_to_its_list(staff_client: Client) -> None:
    page = staff_client.get("/admin/").content.decode()
    for title in ("Articles", "Receipts and notices", "Issues", "Subscribers", "Giving this week", "Reminders"):
        assert f"<h2>{title}</h2>" in page
    links = {part.split('"')[0] for part in page.split('<a href="')[1:] if part.startswith("/admin/")}
    assert len(links) > 30
    for link in sorted(links - {"/admin/logout/", "/admin/password_change/"}):
        assert staff_client.get(link.replace("&amp;", "&")).status_code == 200, link


def test_role_sees_only_its_own_panels(client: Client) -> None:
    fundraiser = User.objects.create_user("fund", "fund@meridian.example", "correct horse", is_staff=True)
    fundraiser.groups.add(Group.objects.get(name="Fundraiser"))
    client.force_login(fundraiser)
    page = client.get("/admin/").content.decode()
    assert "<h2>Giving this week</h2>" in page
    assert "<h2>Subscribers</h2>" not in page


def test_dashboard_asks_a_bounded_number_of_questions(staff_client: Client) -> None:
    staff_client.get("/admin/")
    with CaptureQueriesContext(connection) as queries:
        staff_client.get("/admin/")
    assert len(queries) <= 35, "\n".join(query["sql"] for query in queries)


def test_page_is_under_the_staff_policy(staff_client: Client) -> None:
    policy = staff_client.get("/admin/")["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-eval" not in policy
