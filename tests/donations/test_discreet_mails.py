"""Where the outlet is outlawed, no mail about a gift names it: not its subject, nor its sender, nor its text."""

from datetime import date, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from donations import card_testing, mine, notices, receipts, reminders, reminding
from donations.checkout import session_parameters
from donations.models import GivingTerms, LinkRequest, RecurringGift, Refund, current_terms
from newsroom.models import Outlet
from tests.donations.factories import NOW, make_donation, make_donor, make_payment, make_recurring_gift
from tests.donations.reminder_factories import make_reminder

pytestmark = pytest.mark.django_db

FORBIDDEN = ("Observer", "Zugzwang", "Kings Road", "reporting", "Registered")


@pytest.fixture
def terms(db: None, settings: Any) -> GivingTerms:
    settings.DEFAULT_FROM_EMAIL = "The Zugzwang Observer <post@mail.example>"
    Outlet.objects.create(
        pk=1,
        name="The Zugzwang Observer",
        discreet_name="ZO Media",
        contact_email="desk@mail.example",
        postal_address="1 Kings Road",
    )
    return GivingTerms.objects.create(pk=1, is_discreet=True, tax_line="Registered as The Zugzwang Observer")


def every_mail() -> None:
    """Ask for one mail of each kind, as the life of a gift does."""
    donor = make_donor(email="reader@example.org")
    payment = make_payment(donation=make_donation(donor=donor, state="given", email=""))
    monthly = make_donation(donor=donor, state="given", email="", frequency="monthly")
    gift = make_recurring_gift(donation=monthly, period_ends_at=NOW + timedelta(days=20))
    renewal = make_payment(donation=monthly, recurring_gift=gift, is_renewal=True)
    receipts.queue_receipt(payment, was_awaited=True, at=NOW)
    receipts.queue_receipt(renewal, was_awaited=True, at=NOW)
    refund = Refund.objects.create(
        stripe_id="re_1", payment=payment, amount=500, currency="USD", state="succeeded", created_at=NOW, livemode=False
    )
    notices.queue_refund(refund, was_awaited=True, at=NOW)
    notices.queue_renewal_failed(gift, invoice_id="in_1", attempt=1, at=NOW)
    annual = make_donation(donor=donor, state="given", email="", frequency="annual")
    make_recurring_gift(donation=annual, period_ends_at=NOW + timedelta(days=13), card_expires=date(2026, 12, 31))
    notices.queue_due_notices(at=NOW)
    for reason in ("cancellation_requested", "payment_failed"):
        ended = make_recurring_gift(donation=monthly, state="ended", ended_at=NOW, end_reason=reason)
        notices.queue_end(RecurringGift.objects.get(pk=ended.pk), at=NOW)
    card_testing.send_link(make_donation(email="reader@example.org"), at=NOW)
    mine.handle_request(LinkRequest.objects.create(email="reader@example.org", requested_at=NOW).pk, at=NOW)
    # Somebody else's: who gave is not reminded.
    make_reminder(email="waiting@example.org", due_at=NOW)
    reminding.queue_due(by=NOW, at=NOW)
    reminders.handle(make_reminder(email="unproven@example.org", state="asked").pk, at=NOW)


def words_in(message: EmailMessage) -> str:
    parts = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([str(message["Subject"]), str(message["From"]), *parts])


@pytest.mark.parametrize(
    ("discreet_name", "sender"), [("ZO Media", "ZO Media <post@mail.example>"), ("", "post@mail.example")]
)
def test_what_arrives_names_the_outlet_nowhere(
    terms: GivingTerms, send_mail_now: Any, discreet_name: str, sender: str
) -> None:
    Outlet.objects.update(discreet_name=discreet_name)
    every_mail()
    messages = send_mail_now()
    assert len({str(message["Subject"]) for message in messages}) >= 8
    assert len(messages) == 12
    for message in messages:
        words = words_in(message)
        assert [word for word in FORBIDDEN if word in words] == [], message["Subject"]
        assert str(message["From"]) == sender
        assert discreet_name in words


def test_without_the_setting_the_outlet_says_who_writes(terms: GivingTerms, send_mail_now: Any) -> None:
    GivingTerms.objects.update(is_discreet=False)
    # Where there is a discreet name, the mail to an address that nobody proved has it all the same.
    Outlet.objects.update(discreet_name="")
    every_mail()
    for message in send_mail_now():
        assert "The Zugzwang Observer" in words_in(message)
        assert str(message["From"]) == "The Zugzwang Observer <post@mail.example>"


@pytest.mark.parametrize(
    ("discreet_name", "suffix", "expected", "label"),
    [
        ("ZO Media", "", "ZO Media", "Support for ZO Media"),
        ("ZO Media", "ZOM GIFT", "ZOM GIFT", "Support for ZO Media"),
        ("ЗО Медиа", "", None, "Support for ЗО Медиа"),
        ("", "", None, "Your gift"),
    ],
)
def test_the_bank_statement_is_discreet_too(
    terms: GivingTerms, discreet_name: str, suffix: str, expected: str | None, label: str
) -> None:
    Outlet.objects.update(discreet_name=discreet_name)
    GivingTerms.objects.update(statement_suffix=suffix)
    parameters = session_parameters(make_donation(), terms=current_terms())
    intent = parameters["payment_intent_data"]
    assert intent.get("statement_descriptor_suffix") == expected
    assert intent["description"] == label
    assert "Zugzwang" not in str(parameters)
