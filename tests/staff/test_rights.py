"""Who may do what on the staff's site is decided in docs/roles.md, and asked of the site itself."""

import os
import time
from typing import Any

import pytest
from django.contrib import admin
from django.template.response import SimpleTemplateResponse

from newsroom.roles import ROLES
from tests.donations.factories import make_event, make_payment, make_recurring_gift
from tests.newsroom.factories import make_article, make_image, make_page
from tests.staff import rights
from tests.subscriptions.factories import make_newsletter, make_subscription
from tests.subscriptions.issue_factories import make_issue

# What stands on each page and takes longer than to settle who may: the list of everything that somebody may see.
ON_EACH_PAGE = ("site_title", "site_header", "site_url", "has_permission", "available_apps", "is_popup")
ON_EACH_PAGE += ("is_nav_sidebar_enabled", "log_entries")

pytestmark = pytest.mark.django_db


def test_every_address_and_action_of_each_role_is_as_the_table_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Whether somebody may is settled before the page is drawn; drawing two thousand pages would take minutes.
    monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", property(lambda response: ""))
    monkeypatch.setattr(admin.site, "each_context", lambda request: dict.fromkeys(ON_EACH_PAGE, ""))
    make_article()
    make_image()
    make_page()
    make_subscription()
    make_issue(newsletter=make_newsletter())
    make_payment()
    make_recurring_gift()
    make_event()
    began = time.monotonic()
    table = rights.observed()
    count = len(table) * len(ROLES)
    with capsys.disabled():
        taken = time.monotonic() - began
        print(f"\n{len(table)} addresses and actions × {len(ROLES)} roles: {count} asked in {taken:.0f} s")  # noqa: T201
    if os.environ.get("WRITE_ROLES"):
        _write(table)
    declared = rights.declared()
    new = rights.written({key: marks for key, marks in table.items() if key not in declared})
    assert set(table) <= set(declared), f"Without a line in docs/roles.md, so decide who may:\n{new}"
    assert set(declared) <= set(table), f"In docs/roles.md and nowhere else: {sorted(set(declared) - set(table))}"
    wrong = {key: marks for key, marks in table.items() if marks != declared[key]}
    assert not wrong, f"The site differs from docs/roles.md:\n{rights.written(wrong)}"


def _write(table: Any) -> None:
    text = rights.DOCUMENT.read_text(encoding="utf-8")
    before, _table, _after = text.partition("| address or [action]")
    rights.DOCUMENT.write_text(before + rights.written(table), encoding="utf-8")
