"""Every mail's subject and text hold names as they are written, and no markup of the web."""

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from newsroom.mail import render_parts
from newsroom.models import Outlet

MAILS = sorted(path.parent.name for path in (Path(settings.BASE_DIR) / "templates/emails").glob("*/subject.txt"))
NAME = "The People's <Daily> & Sunday"
LINK = "https://example.org/?a=1&b=2"
TEXTS = (
    "amount asked date due fee_cover gift gift_date issue_date name newsletter next_date number reason refunded "
    "tax_line text title wording words"
)
LINKS = "cancel_url confirm_url give_url manage_url preferences_url support_url url"
# Every word that any mail asks for, with characters that HTML would escape.
WORDS: dict[str, Any] = {
    **dict.fromkeys(TEXTS.split(), NAME),
    **dict.fromkeys(LINKS.split(), LINK),
    "days": 7,
    "minutes": 15,
    "frequency": "monthly",
    "picks": [{"headline": NAME, "why": NAME}],
}


@pytest.mark.parametrize("template", MAILS)
@pytest.mark.django_db
def test_subject_and_text_hold_names_as_they_are_written(template: str) -> None:
    Outlet.objects.create(pk=1, name=NAME, postal_address=NAME, contact_email="a@b.example", time_zone="Europe/Vilnius")

    subject, text, html = render_parts(template, WORDS, "en")

    assert NAME in text
    for part in (subject, text):
        for escaped in ("&#x27;", "&#39;", "&amp;", "&lt;", "&quot;"):
            assert escaped not in part
    assert "<Daily>" not in html
