"""Every list says what it is for, an empty one what to do first; the log is searched, and on each object's page."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from newsroom import registry
from newsroom.history import record
from newsroom.models import Section
from tests.newsroom.factories import make_section

pytestmark = pytest.mark.django_db


def test_every_list_says_what_it_is_for_and_an_empty_one_what_to_do_first(staff_client: Client) -> None:
    listed = {model._meta.label_lower: model for model in admin.site._registry}
    assert set(registry.screens) == set(listed), "each list has its words, and no words are left over"
    for label, screen in registry.screens.items():
        model = listed[label]
        page = staff_client.get(reverse(f"admin:{label.replace('.', '_')}_changelist")).content.decode()
        if label == "donations.income":
            continue
        assert escape(str(screen.purpose)) in page, label
        assert (escape(str(screen.first_step)) in page) is not model._default_manager.exists(), label
        assert str(screen.purpose).endswith(".")


def test_log_is_searched_and_stands_on_the_page_of_its_object(staff_client: Client) -> None:
    section = make_section(name="News")
    record(section, action="section.renamed", reason="The old name was long", before={"name": "X"}, after={"name": "Y"})
    record(Section(pk=section.pk + 1), action="section.renamed", reason="Another")
    found = staff_client.get("/admin/newsroom/historyentry/?q=long").content.decode()
    assert found.count('field-action">section.renamed') == 1
    page = staff_client.get(f"/admin/newsroom/section/{section.pk}/history/").content.decode()
    # An empty name of a field is refused as any other that there is not.
    for name in ("", "nothing"):
        assert staff_client.get(f"/admin/newsroom/section/{section.pk}/change/?_to_field={name}").status_code == 400
    for word in ("section.renamed", "The old name was long", "X", "Y"):
        assert word in page
    assert "Another" not in page
