"""Every mail of a gift's life, looked at as it arrives: once each, in the donor's language, as HTML and as text."""

import uuid
from datetime import date, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from donations import mine, notices, receipts, statements
from donations.models import LinkRequest, RecurringGift, Refund, TaxProfile
from tests.donations.factories import NOW, make_donation, make_donor, make_payment, make_recurring_gift

pytestmark = pytest.mark.django_db

OWN_PAGE = "http://testserver/support/mine/"
# Template → words of its subject, and what both its parts must say.
SAID: dict[str, tuple[str, list[str]]] = {
    "receipt": ("Thank you: your receipt", ["$20.00", "2026-", "Nov. 20, 2026"]),
    "renewal_receipt": ("Your monthly gift", ["$20.00", OWN_PAGE]),
    "refund_confirmed": ("on its way back", ["$5.00", "Nov. 20, 2026"]),
    "renewal_failed": ("could not be charged", ["$20", "No money was taken", "Nov. 25, 2026", OWN_PAGE]),
    "annual_notice": ("renews on Dec. 3, 2026", ["$20", OWN_PAGE]),
    "card_expiring": ("expires next month", ["$20", OWN_PAGE]),
    "gift_ended": ("Your monthly gift has ended", ["$20", "as you asked", "Nothing more will be charged"]),
    "gift_goodbye": ("thank you for it", ["$20", "several times", "http://testserver/support/"]),
    "gift_link": ("", [OWN_PAGE + "link/"]),
    "yearly_statement": ("in 2025: statement", ["attached", OWN_PAGE]),
}


def live(language: str) -> None:
    """Have everything happen that a donor is told of, each thing twice, as webhooks and jobs repeat."""
    donor = make_donor(email="reader@example.org", language=language)
    facts: dict[str, Any] = {"donor": donor, "state": "given", "email": "", "language": language}
    payment = make_payment(donation=make_donation(**facts))
    make_payment(donation=make_donation(**facts), gift_date=date(2025, 12, 31))
    monthly = make_donation(**facts, frequency="monthly")
    gift = make_recurring_gift(donation=monthly, period_ends_at=NOW + timedelta(days=20))
    renewal = make_payment(donation=monthly, recurring_gift=gift, is_renewal=True)
    annual = make_donation(**facts, frequency="annual")
    make_recurring_gift(donation=annual, period_ends_at=NOW + timedelta(days=13), card_expires=date(2026, 12, 31))
    refund = Refund.objects.create(
        stripe_id="re_1", payment=payment, amount=500, currency="USD", state="succeeded", created_at=NOW, livemode=False
    )
    ended = [
        make_recurring_gift(donation=monthly, state="ended", ended_at=NOW, end_reason=reason).pk
        for reason in ("cancellation_requested", "payment_failed")
    ]
    TaxProfile.objects.create(pk=1, legal_name="Meridian", address="Praha", country="CZ", tax_number="12345678")
    request = LinkRequest.objects.create(email="reader@example.org", requested_at=NOW)
    for _ in range(2):
        receipts.queue_receipt(payment, was_awaited=True, at=NOW)
        receipts.queue_receipt(renewal, was_awaited=True, at=NOW)
        notices.queue_refund(refund, was_awaited=True, at=NOW)
        notices.queue_renewal_failed(gift, invoice_id="in_1", attempt=1, next_try=NOW + timedelta(days=5), at=NOW)
        notices.queue_due_notices(at=NOW)
        for pk in ended:
            notices.queue_end(RecurringGift.objects.get(pk=pk), at=NOW)
        mine.handle_request(request.pk, at=NOW)
        statements.send_year(2025, at=NOW)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None, f"{message['Subject']} has no {kind} part"
    return str(body.get_content())


def test_each_mail_arrives_once_and_says_the_same_as_html_and_as_text(send_mail_now: Any, db: None) -> None:
    live("en")
    messages = send_mail_now()
    assert len(messages) == len({message["Message-ID"] for message in messages}) == len(SAID)
    for template, (subject, words) in SAID.items():
        (message,) = (
            one for one in messages if all(word in part(one, "plain") for word in words) and subject in one["Subject"]
        )
        html = part(message, "html")
        # Times and amounts hold spaces that do not break.
        assert [word for word in words if word not in html] == [], template
        assert '<html lang="en"' in html
        assert message["To"] == "reader@example.org"
        assert message["Auto-Submitted"] == "auto-generated"
        assert "{{" not in html + part(message, "plain")
        assert "{%" not in html + part(message, "plain")


def test_each_mail_is_in_the_donors_language(send_mail_now: Any, db: None) -> None:
    live("ru")
    messages = send_mail_now()
    assert len(messages) == len(SAID)
    for message in messages:
        assert '<html lang="ru"' in part(message, "html")
    receipt = next(one for one in messages if "20,00" in part(one, "plain"))
    assert "20,00\N{NO-BREAK SPACE}$" in part(receipt, "plain")
    assert "ноября 2026" in part(receipt, "plain")


def test_a_receipt_prints_the_organisation_that_was_checked(send_mail_now: Any, db: None) -> None:
    TaxProfile.objects.create(
        pk=1, legal_name="Meridian z. s.", address="Praha", country="CZ", tax_number="12345678", status="Deductible"
    )
    payment = make_payment(donation=make_donation(donor=make_donor(), state="given", email=""))
    receipts.queue_receipt(payment, was_awaited=True, at=NOW)
    (message,) = send_mail_now()
    assert "Meridian z. s. · 12345678 · Deductible" in part(message, "plain")
    assert uuid.UUID(message["Message-ID"][1:33])
