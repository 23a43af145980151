"""The yearly statement: every cent of a year, printed once and kept, mailed once and downloaded."""

import logging
from datetime import UTC, date, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pypdf import PdfReader

from donations import mine, statement_pdf, statements
from donations.models import Donor, GivingTerms, Payment, TaxProfile, YearlyStatement
from donations.tasks import yearly
from newsroom import persons
from newsroom.models import OutgoingMail, Outlet
from sandbox.demo.gifts import load_organisation
from sandbox.demo.reading import read_content
from tests.donations.factories import make_donation, make_donor, make_payment

pytestmark = pytest.mark.django_db

JANUARY = datetime(2027, 1, 5, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _january(time_machine: Any) -> None:
    time_machine.move_to(JANUARY)


@pytest.fixture
def profile(db: None) -> TaxProfile:
    return TaxProfile.objects.create(
        pk=1,
        legal_name="Meridian z. s.",
        address="Dlouhá 1\n110 00 Praha",
        country="CZ",
        tax_number="12345678",
        status="Gifts are deductible under section 15.",
    )


def give(donor: Donor, day: str, amount: int, currency: str = "EUR", **fields: Any) -> Payment:
    donation = make_donation(amount=amount, currency=currency, state="given", donor=donor, email="")
    paid_at = datetime.fromisoformat(f"{day}T12:00+00:00")
    return make_payment(donation=donation, gift_date=date.fromisoformat(day), paid_at=paid_at, **fields)


def words_of(pdf: bytes) -> str:
    text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    return text.replace("\N{NO-BREAK SPACE}", " ")


def enter(client: Client, donor: Donor) -> None:
    client.cookies["donor"] = mine.session_value(donor)


def test_the_mail_carries_the_statement_with_every_cent_by_currency(
    profile: TaxProfile, send_mail_now: Any, caplog: pytest.LogCaptureFixture
) -> None:
    donor = make_donor(email="olga@example.org", name="Ольга Щербакова", language="en")
    give(donor, "2026-01-01", 1_001)
    give(donor, "2026-12-31", 2_099, refunded=1_000)
    give(donor, "2026-06-01", 5_000, disputed=5_000)
    give(donor, "2026-06-02", 5_000, "JPY")
    give(donor, "2027-01-01", 77_700)
    give(donor, "2025-12-31", 88_800)
    with caplog.at_level(logging.DEBUG):
        statements.send_due(at=JANUARY)
        (mail,) = send_mail_now()
    assert "Щерб" not in caplog.text
    assert (mail["To"], mail["Subject"]) == ("olga@example.org", "Your gifts to Newsroom in 2026: statement")
    (attached,) = mail.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == ("application/pdf", "statement-2026.pdf")
    words = words_of(attached.get_content())
    # Given were 10.01 + 20.99 + 50.00, and 10.00 + 50.00 went back.
    lines = ["Meridian z. s.", "110 00 Praha", "Tax number: 12345678", "For: Ольга Щербакова", "Gifts in 2026"]
    lines += ["Gifts are deductible under section 15.", "€10.01", "€20.99", "€10.00", "€81.00", "€60.00"]
    lines += ["Given and kept in EUR: €21.00", "Given and kept in JPY: ¥5,000", "in the time zone UTC"]
    assert [line for line in lines if line not in words] == [], words
    assert "777" not in words
    assert "888" not in words
    assert "See your statements" in mail.get_body(("html",)).get_content()
    assert "attached" in mail.get_body(("plain",)).get_content()


def test_a_statement_is_mailed_once_however_often_it_is_asked_for(profile: TaxProfile, send_mail_now: Any) -> None:
    for number in range(3):
        give(make_donor(name=f"Donor {number}"), "2026-05-05", 1_000 + number)
    gone = make_donor()
    give(gone, "2026-05-05", 500, refunded=500)
    for day in (1, 5, 6, 25):
        statements.send_due(at=JANUARY.replace(day=day))
    statements.send_year(2026, at=JANUARY)
    assert len(send_mail_now()) == 3
    assert YearlyStatement.objects.count() == 3
    statements.send_due(at=JANUARY + timedelta(days=40))
    assert OutgoingMail.objects.count() == 3


def test_january_is_the_organisations_own(profile: TaxProfile) -> None:
    GivingTerms.objects.create(pk=1, tax_time_zone="Pacific/Kiritimati")
    give(make_donor(), "2026-05-05", 1_000)
    assert statements.send_due(at=datetime(2027, 1, 2, 9, 30, tzinfo=UTC)) == "not in January"
    assert "1 mails" in statements.send_due(at=datetime(2027, 1, 2, 10, tzinfo=UTC))
    assert statements.send_due(at=datetime(2027, 1, 31, 10, tzinfo=UTC)) == "not in January"


def test_the_job_runs_once_a_day_on_the_queue_of_what_takes_long(profile: TaxProfile, settings: Any) -> None:
    give(make_donor(), "2026-05-05", 1_000)
    yearly()
    yearly()
    assert OutgoingMail.objects.count() == 1
    assert settings.CELERY_TASK_ROUTES[yearly.name] == {"queue": settings.CELERY_SLOW_QUEUE}


def test_a_debit_of_the_old_year_that_is_under_way_is_waited_for(profile: TaxProfile) -> None:
    donor = make_donor()
    give(donor, "2026-05-05", 1_000)
    late = give(donor, "2026-12-30", 2_000)
    Payment.objects.filter(pk=late.pk).update(
        state="pending", paid_at=None, gift_date=None, created_at=datetime(2026, 12, 30, tzinfo=UTC)
    )
    assert "1 wait" in statements.send_due(at=JANUARY)
    Payment.objects.filter(pk=late.pk).update(state="paid", paid_at=late.paid_at, gift_date=late.gift_date)
    statements.send_due(at=JANUARY + timedelta(days=1))
    assert "€30.00" in words_of(statements.as_pdf(YearlyStatement.objects.get()))


def test_a_discreet_mail_names_nothing_and_carries_nothing(profile: TaxProfile, send_mail_now: Any) -> None:
    Outlet.objects.create(pk=1, name="Meridian", discreet_name="MRD Media", contact_email="desk@meridian.example")
    GivingTerms.objects.create(pk=1, is_discreet=True)
    give(make_donor(), "2026-05-05", 1_000)
    statements.send_due(at=JANUARY)
    (mail,) = send_mail_now()
    assert list(mail.iter_attachments()) == []
    for part in (mail["Subject"], *(mail.get_body((kind,)).get_content() for kind in ("plain", "html"))):
        assert "Meridian" not in part
    assert "/support/mine/" in mail.get_body(("plain",)).get_content()


def test_what_was_printed_stays_and_a_later_refund_makes_the_next_version(profile: TaxProfile) -> None:
    donor = make_donor(name="Jana")
    payment = give(donor, "2026-05-05", 1_000)
    first = statements.issue(donor, 2026, at=JANUARY)
    TaxProfile.objects.update(legal_name="Another Name", tax_number="87654321")
    again = statements.issue(donor, 2026, at=JANUARY + timedelta(days=9))
    assert again == first
    assert statements.as_pdf(again) == statements.as_pdf(first)
    assert "Meridian z. s." in words_of(statements.as_pdf(again))
    Payment.objects.filter(pk=payment.pk).update(refunded=250)
    second = statements.issue(donor, 2026, at=JANUARY + timedelta(days=9))
    words = words_of(statements.as_pdf(second))
    assert (second.version, YearlyStatement.objects.count()) == (2, 2)
    assert "It replaces the statement of Jan. 5, 2027" in words
    assert "Given and kept in EUR: €7.50" in words


def test_two_statements_of_one_number_cannot_be_kept(profile: TaxProfile) -> None:
    donor = make_donor()
    give(donor, "2026-05-05", 1_000)
    statements.issue(donor, 2026, at=JANUARY)
    with pytest.raises(IntegrityError), transaction.atomic():
        YearlyStatement.objects.create(donor=donor, year=2026, version=1, printed={}, figures=[])


def test_the_donor_downloads_each_year_and_nobody_elses(client: Client, profile: TaxProfile) -> None:
    donor, other = make_donor(name="Jana"), make_donor(name="Petr")
    give(donor, "2026-05-05", 1_000)
    give(donor, "2027-01-02", 4_400)
    give(other, "2024-05-05", 9_900)
    enter(client, donor)
    page = client.get("/support/mine/").content.decode()
    assert page.index("Gifts in 2027 so far (PDF)") < page.index("Gifts in 2026 (PDF)")
    assert "2024" not in page
    assert client.get("/support/mine/statements/2026/").status_code == 405
    answer = client.post("/support/mine/statements/2026/")
    assert (answer["Content-Type"], "no-store" in answer["Cache-Control"]) == ("application/pdf", True)
    assert answer["Content-Disposition"] == 'attachment; filename="statement-2026.pdf"'
    assert "€10.00" in words_of(answer.content)
    so_far = words_of(client.post("/support/mine/statements/2027/").content)
    assert "The year is not over. These are the gifts until Jan. 5, 2027." in so_far
    assert [one.year for one in YearlyStatement.objects.all()] == [2026], "a year that runs is not kept"
    assert client.post("/support/mine/statements/2024/").status_code == 404


def test_erasing_a_donor_deletes_the_statements_and_keeps_the_mail_back(
    profile: TaxProfile, send_mail_now: Any
) -> None:
    donor, stays = make_donor(email="gone@example.org", name="Jana"), make_donor()
    give(donor, "2026-05-05", 1_000)
    give(stays, "2026-05-05", 2_000)
    statements.issue(donor, 2026, at=JANUARY)
    assert persons.export("gone@example.org")["gifts"]["statements"][0]["printed"]["donor"] == ["For: Jana"]
    queued = statements.send_year(2026, at=JANUARY)
    assert queued.queued == 2
    persons.erase("gone@example.org", at=JANUARY)
    assert [mail["To"] for mail in send_mail_now()] == [stays.email]
    assert YearlyStatement.objects.get().donor == stays
    assert statements.send_year(2026, at=JANUARY).donors == 1
    with pytest.raises(statements.NothingGiven):
        statements.issue(donor, 2026, at=JANUARY)


def test_without_the_organisations_facts_nothing_is_made_and_staff_are_asked(client: Client) -> None:
    donor = make_donor()
    give(donor, "2026-05-05", 1_000)
    for day in (5, 6):
        assert "missing" in statements.send_due(at=JANUARY.replace(day=day))
    (mail,) = OutgoingMail.objects.all()
    assert (mail.key, mail.template) == ("alarm:statements:2026", "notice")
    enter(client, donor)
    assert client.post("/support/mine/statements/2026/").status_code == 503
    with pytest.raises(CommandError, match="legal name"):
        call_command("send_statements", "--year", "2026", "--at", "2027-01-05")


def test_the_command_counts_first_and_refuses_a_year_that_runs(profile: TaxProfile) -> None:
    give(make_donor(), "2026-05-05", 1_000)
    out = StringIO()
    call_command("send_statements", "--at", "2027-01-05", stdout=out)
    assert "2026: 1 donors gave €10.00, 0 mails queued" in out.getvalue()
    assert not OutgoingMail.objects.exists()
    call_command("send_statements", "--year", "2026", "--at", "2027-03-05", "--apply", stdout=out)
    assert OutgoingMail.objects.get().template == "yearly_statement"
    with pytest.raises(CommandError, match="not over"):
        call_command("send_statements", "--year", "2027", "--at", "2027-01-05")


def test_queries_per_donor_do_not_grow_with_gifts(profile: TaxProfile) -> None:
    def count(year: int, gifts: int) -> int:
        donor = make_donor()
        for _ in range(gifts):
            give(donor, f"{year}-05-05", 1_000)
        with CaptureQueriesContext(connection) as queries:
            statements.send_year(year, at=JANUARY)
        return len(queries)

    assert count(2025, 1) == count(2026, 40)
    printed = YearlyStatement.objects.get(year=2026).printed
    assert len(PdfReader(BytesIO(statement_pdf.draw(printed, number="1", made_at=timezone.now()))).pages) == 2


@pytest.mark.parametrize(
    ("country", "number", "is_good"),
    [
        ("CZ", "12345678", True),
        ("CZ", "1234567", False),
        ("US", "12-3456789", True),
        ("US", "12-345678", False),
        ("IS", "AB 1234", True),
        ("IS", "none", False),
        ("Iceland", "1234", False),
    ],
)
def test_a_tax_number_with_a_digit_missing_is_refused(country: str, number: str, is_good: bool) -> None:
    profile = TaxProfile(pk=1, legal_name="M", address="A", country=country, tax_number=number)
    if is_good:
        profile.clean()
    else:
        with pytest.raises(ValidationError):
            profile.clean()


def test_staff_type_the_tax_number_twice(staff_client: Client) -> None:
    fields = {"legal_name": "Meridian", "address": "Praha", "country": "cz", "tax_number": "12345678", "status": ""}
    address = "/admin/donations/taxprofile/add/"
    page = staff_client.post(address, {**fields, "tax_number_again": "12345679"})
    assert "The two numbers differ." in page.content.decode()
    assert staff_client.post(address, {**fields, "tax_number_again": "12345678"}).status_code == 302
    assert TaxProfile.objects.get().country == "CZ"
    assert staff_client.get("/admin/donations/yearlystatement/").status_code == 200


def test_the_demo_prints_statements_too() -> None:
    load_organisation(read_content())
    TaxProfile.objects.get().full_clean()
    donor = make_donor()
    give(donor, "2026-05-05", 1_000)
    assert "Meridian Media Association" in words_of(statements.as_pdf(statements.issue(donor, 2026, at=JANUARY)))
