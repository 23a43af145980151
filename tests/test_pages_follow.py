"""Kept pages become stale when what they show is changed by staff, or by the clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from donations.models import AmountRule, Appeal, GivingTerms, LanguageCurrency, PaymentMethodRule, ReminderChoice
from newsroom import site_version
from newsroom.models import Author, Image, Outlet, Page, Section, Tag
from newsroom.models.shown import ShownOnPages
from newsroom.page_cache import next_boundary
from subscriptions.models import Mirror, Newsletter
from tests.newsroom.factories import make_page

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("make_stale", ["save", "delete"])
def test_changed_appeal_makes_kept_pages_stale(make_stale: str, django_capture_on_commit_callbacks: Any) -> None:
    appeal = Appeal.objects.create(title="A message", message="<p>Give.</p>")
    site_version.forget()
    before = site_version.present()
    with django_capture_on_commit_callbacks(execute=True):
        getattr(appeal, make_stale)()
    assert site_version.present().number > before.number


def test_whatever_the_forms_and_menus_show_is_watched() -> None:
    forms: list[type] = [AmountRule, GivingTerms, LanguageCurrency, Newsletter, PaymentMethodRule, ReminderChoice]
    around: list[type] = [Appeal, Author, Image, Mirror, Outlet, Page, Section, Tag]
    assert [model for model in forms + around if not issubclass(model, ShownOnPages)] == []


def test_pages_deleted_together_leave_the_menus_of_kept_pages(
    staff_client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    rows = [make_page(), make_page()]
    site_version.forget()
    before = site_version.present()
    asked = {"action": "delete_selected", "_selected_action": [row.pk for row in rows], "post": "yes"}
    with django_capture_on_commit_callbacks(execute=True):
        staff_client.post("/admin/newsroom/page/", asked)
    assert not Page.objects.exists()
    assert site_version.present().number > before.number


def test_page_ends_with_the_appeal_on_it() -> None:
    Appeal.objects.create(title="Until noon", message="<p>Give.</p>", ends_at=AT + timedelta(hours=4))
    Appeal.objects.create(title="From ten", message="<p>Give.</p>", starts_at=AT + timedelta(hours=2))
    Appeal.objects.create(title="Never", message="<p>Give.</p>", starts_at=AT + timedelta(hours=1), is_active=False)
    assert next_boundary(AT) == AT + timedelta(hours=2)
    assert next_boundary(AT + timedelta(hours=2)) == AT + timedelta(hours=4)
