"""What is held of a person is declared, exported, deleted in time, and gone after an erasure, for every model."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import connection, models
from django.test import Client

from donations.models import Decline, Dispute, DonorLink, LinkRequest, Refund, ReminderGift, StripeCustomer
from donations.models import YearlyStatement as Statement
from newsroom import persons, registry
from newsroom.addresses import address_hashes
from newsroom.history import record
from newsroom.mail import queue_mail
from newsroom.models import OutgoingMail, SoftBounces, Suppression
from newsroom.personal_data import PACKAGES, Erased, declaration_of, declared, facts_of, names_in, plain, rows_of
from newsroom.suppressions import reasons_against, suppress
from subscriptions import importing, visits
from subscriptions.models import (
    AddressChange,
    ConsentRenewal,
    Delivery,
    Erasure,
    ImportRow,
    MailEvent,
    Newsletter,
    PrivacyPolicy,
    ReaderVisit,
    RenewalRequest,
    SignupRequest,
    Subscriber,
    SubscriberImport,
)
from subscriptions.policies import text_in_force
from tests.donations.factories import make_donation, make_donor, make_payment, make_recurring_gift, make_session
from tests.donations.reminder_factories import make_reminder
from tests.subscriptions.factories import NOW, make_newsletter, make_policy, make_subscription
from tests.subscriptions.issue_factories import make_issue

pytestmark = pytest.mark.django_db

ADDRESS = "zelda.quux@example.org"
NAME, NOTE = "Zelda Quuxington", "Greetings from Zelda"
FILE = """email,name,friend
ann@example.org,Ann,Zelda.Quux@Example.org
ZELDA.quux@example.org,Zelda,
bob@example.org,Bob,
"""
TEXTS = (models.CharField, models.TextField, models.JSONField, models.GenericIPAddressField, models.FileField)
HOLDERS = (*TEXTS, models.BinaryField, models.UUIDField, ArrayField, models.GeneratedField)


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in PACKAGES and not model._meta.proxy]


def columns_to_declare(model: type[models.Model]) -> set[str]:
    """Return what may hold something of a person: of a model that is about persons everything, else what holds words.

    A choice among words of ours is no secret of anybody's where the row is about nobody.
    """
    is_about_persons = bool((found := declaration_of(model)) and found.retention)
    return {
        field.name
        for field in model._meta.concrete_fields
        if not field.primary_key
        and not field.is_relation
        and (is_about_persons or (isinstance(field, HOLDERS) and not field.choices))
    }


def test_every_column_is_declared_or_said_to_be_nobodys_with_a_reason() -> None:
    for model in our_models():
        found = declaration_of(model)
        assert found is not None, f"{model.__name__} has no `personal_data`: say beside it what it holds of a person"
        named = [*names_in(found.columns), *names_in(found.withheld), *names_in(found.not_personal)]
        assert len(named) == len(set(named)), model.__name__
        missing = columns_to_declare(model) - set(named)
        assert not missing, f"{model.__name__}.personal_data does not speak of {sorted(missing)}"
        unknown = set(named) - {field.name for field in model._meta.concrete_fields}
        assert not unknown, f"{model.__name__}.personal_data speaks of {sorted(unknown)}"
        assert all({**found.columns, **found.withheld, **found.not_personal}.values()), model.__name__
        if found.columns or found.withheld:
            assert found.retention and found.exported_in and found.erased, model.__name__


def test_what_is_declared_has_a_retention_period_and_every_rule_says_why() -> None:
    kinds = {rule.kind for rule in registry.retention_rules}
    assert len(kinds) == len(registry.retention_rules)
    for model, found in declared():
        assert found.retention in kinds, f"{model.__name__}: no rule is called {found.retention}"
    assert all(str(rule.reason) and str(rule.title) and rule.days > 0 for rule in registry.retention_rules)


@pytest.fixture
def zelda(staff_user: User) -> dict[str, Any]:
    """Fill a person's data into every table that may hold some, with the person's address in every free text."""
    make_policy(version="2026-1")
    newsletter = make_newsletter(name="The Friday Letter", slug="friday")
    subscription = make_subscription(newsletter=newsletter, email=ADDRESS)
    subscriber = subscription.subscriber
    _letters(subscription, newsletter)
    _waiting(newsletter, subscriber)
    _gifts()
    record(subscriber, action="subscriber.noted", actor=staff_user, reason=f"{ADDRESS} rang us", at=NOW)
    suppress(ADDRESS, reason=Suppression.Reason.COMPLAINED, scope=Suppression.Scope.NEWSLETTERS, at=NOW)
    SoftBounces.objects.create(address_hash=address_hashes(ADDRESS)[0], count=2, last_at=NOW)
    # An earlier life: the person was erased once, and came back.
    Erasure.objects.create(address_hash=address_hashes(ADDRESS)[0], erased_at=NOW - timedelta(days=90))
    return {"subject": subscriber.subject, "link_id": subscription.link_id}


def _letters(subscription: Any, newsletter: Newsletter) -> None:
    reply = f"550 5.1.1 <{ADDRESS}> unknown"
    delivery = Delivery.objects.create(
        issue=make_issue(newsletter=newsletter), subscription=subscription, state="refused", reason="refused",
        outcome_at=NOW, reply=reply,
    )  # fmt: skip
    mail = queue_mail(key="a:1", template="notice", to=ADDRESS, context={"name": NAME}, language="en", at=NOW)
    OutgoingMail.objects.filter(pk=mail.pk).update(state="failed", ended_at=NOW, error=reply, tries=1)
    for number, of in enumerate(({"delivery": delivery}, {"outgoing_mail": mail})):
        MailEvent.objects.create(
            source="smtp", event_id=f"e{number}", kind="bounced", status_code="5.1.1", happened_at=NOW,
            received_at=NOW, **of,
        )  # fmt: skip

    policy = PrivacyPolicy.objects.get()
    run = ConsentRenewal.objects.create(policy=policy, concerned=1, started_at=NOW)
    RenewalRequest.objects.create(renewal=run, subscription=subscription, state="asked", asked_at=NOW, next_at=NOW)


def _waiting(newsletter: Newsletter, subscriber: Any) -> None:
    text = text_in_force("en", at=NOW)
    assert text is not None
    SignupRequest.objects.create(
        email=ADDRESS, newsletter=newsletter, policy_text=text, wording="Send me.", language="en", page="/a-story/",
        method="form", requested_at=NOW, not_before=NOW,
    )  # fmt: skip
    ReaderVisit.objects.create(
        address=ADDRESS, language="en", requested_at=NOW, token_hash="a" * 64, expires_at=NOW, opened_at=NOW,
        session_hash="b" * 64, session_expires_at=NOW,
    )  # fmt: skip
    AddressChange.objects.create(
        subscriber=subscriber,
        new_address="zelda.new@example.org",
        token_hash="c" * 64,
        requested_at=NOW,
        expires_at=NOW,
    )
    done = _upload(newsletter, state="done", ended_at=NOW)
    ImportRow.objects.create(subscriber_import=done, line=2, email=ADDRESS, signed_up_at=NOW, verdict="already-active")
    importing.receive(
        [FILE.encode()], newsletter=newsletter, file_name="never-run.csv", source="A list", wording="Send me.",
        evidence="In the safe", by=None, at=NOW,
    )  # fmt: skip


def _upload(newsletter: Newsletter, **kwargs: Any) -> SubscriberImport:
    return SubscriberImport.objects.create(
        newsletter=newsletter, file_name="old.csv", source="A list", wording="Send me.", evidence="In the safe",
        encoding="utf-8", delimiter=",", email_column="email", created_at=NOW, **kwargs,
    )  # fmt: skip


def _gifts() -> None:
    donor = make_donor(email=ADDRESS, name=NAME, email_confirmed_at=NOW)
    customer = StripeCustomer.objects.create(stripe_id="cus_4711", donor=donor, livemode=False)
    given = make_donation(
        state="given", frequency="monthly", donor=donor, email="", name=NAME, note=NOTE, is_anonymous=False
    )
    gift = make_recurring_gift(donation=given, customer=customer, state="ended", ended_at=NOW)
    payment = make_payment(donation=given, recurring_gift=gift)
    Refund.objects.create(
        stripe_id="re_1", payment=payment, amount=100, currency="USD", state="succeeded", created_at=NOW, livemode=False
    )
    Dispute.objects.create(
        stripe_id="dp_1", payment=payment, amount=100, currency="USD", state="won", created_at=NOW, livemode=False
    )
    left = make_donation(state="abandoned", email=ADDRESS, name=NAME, note=NOTE)
    for donation in (given, left):
        make_session(donation, parameters={"customer_email": ADDRESS, "metadata": {"name": NAME}}, state="expired")
    Decline.objects.create(charge_id="ch_declined", donation=left, code="expired_card", at=NOW)
    DonorLink.objects.create(donor=donor, token_hash="d" * 64, created_at=NOW, expires_at=NOW + timedelta(minutes=15))
    LinkRequest.objects.create(email=ADDRESS, requested_at=NOW)
    Statement.objects.create(donor=donor, year=2025, printed={"donor": [f"For: {NAME}"]}, figures=[[1, 2, 0]])
    reminder = make_reminder(email=ADDRESS, state="sent")
    ReminderGift.objects.create(donation=given, reminder=reminder, started_at=NOW, converted_at=NOW)


def place(document: dict[str, Any], path: str) -> list[dict[str, Any]]:
    found: Any = document
    for name in path.split("."):
        found = found[name]
    assert isinstance(found, list), path
    return found


def where_stands(*texts: str) -> Iterator[tuple[str, str, str]]:
    """Search every column of every row of every table, whoever's package made it."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(
                f"""SELECT DISTINCT e.key, e.value FROM "{table}" t, jsonb_each_text(to_jsonb(t)) e
                    WHERE e.value ILIKE ANY(%s)""",  # noqa: S608 - the database's own names.
                [[f"%{text}%" for text in texts]],
            )
            yield from ((table, column, value) for column, value in cursor.fetchall())


def test_export_is_field_by_field_what_a_search_of_every_table_finds(zelda: dict[str, Any]) -> None:
    document = json.loads(json.dumps(persons.export(ADDRESS)))
    for model, found in declared():
        exported = place(document, found.exported_in)
        assert exported, f"{model.__name__}: this test fills nothing in, or {found.exported_in} leaves it out"
        rows = list(rows_of(model, ADDRESS))
        if not found.found_by:
            continue
        assert len(exported) == len(rows), found.exported_in
        for row, entry in zip(rows, exported, strict=True):
            for name in found.exported:
                value = getattr(row, name)
                assert name in entry, f"{model.__name__}.{name} is not exported"
                # Amounts are exported as people write them.
                if not isinstance(value, int) or isinstance(value, bool):
                    assert entry[name] == json.loads(json.dumps(plain(value))), f"{model.__name__}.{name}"

    declared_columns = {
        (model._meta.db_table, model._meta.get_field(name).column)
        for model, found in declared()
        for name in [*names_in(found.columns), *names_in(found.withheld)]
    }
    words = json.dumps(document, ensure_ascii=False)
    sought = (ADDRESS, NAME, NOTE, *address_hashes(ADDRESS), str(zelda["subject"]), str(zelda["link_id"]), "cus_4711")
    hits = list(where_stands(*sought))
    assert len({table for table, _column, _value in hits}) > 12
    for table, column, value in hits:
        assert (table, column) in declared_columns, f"{table}.{column} holds something of a person: {value}"
        assert value in words or json.loads(value), f"{table}.{column}"
    assert place(document, "newsletters.lines_of_files") == [
        {"file": "never-run.csv", "line": 2, "content": ["ann@example.org", "Ann", "Zelda.Quux@Example.org"]},
        {"file": "never-run.csv", "line": 3, "content": ["ZELDA.quux@example.org", "Zelda", ""]},
    ]


def dump() -> str:
    """Return every table as a dump of the database writes it, with the pieces of files read as text."""
    parts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            with cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
                parts += [f"{table}: {bytes(row).decode()}" for row in copy]
        cursor.execute("SELECT convert_from(content, 'UTF8') FROM subscriptions_importchunk")
        parts += [text for (text,) in cursor.fetchall()]
    return "".join(parts)


def derived(address: str) -> set[str]:
    """Return what an address can be turned into without a key."""
    ways = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "sha3_256")
    forms = {address, address.upper(), address.partition("@")[0], address.replace("@", "%40"), address[::-1]}
    digests = {hashlib.new(way, form.encode()).hexdigest() for way in ways for form in forms}
    encoded = {
        code(form.encode()).decode().rstrip("=") for form in forms for code in (base64.b64encode, base64.b32encode)
    }
    return forms | digests | encoded | {form.encode().hex() for form in forms}


def test_after_an_erasure_a_dump_holds_nothing_of_the_person_but_the_keyed_hash(
    zelda: dict[str, Any], staff_client: Client
) -> None:
    staff_client.get("/admin/subscriptions/subscriber/", {"q": ADDRESS})
    staff_client.get(f"/admin/subscriptions/subscriber/{Subscriber.objects.get(email=ADDRESS).pk}/change/")
    before = {model: [row.pk for row in rows_of(model, ADDRESS)] for model, _found in declared()}
    assert ADDRESS in dump()
    persons.erase(ADDRESS, at=datetime.now(UTC))

    left = dump().lower()
    traces = derived(ADDRESS) | {NAME, NOTE, "zelda"}
    assert not {trace for trace in traces if trace.lower() in left}
    assert address_hashes(ADDRESS)[0] in left
    assert f"ann@example.org,ann,{'-' * len(ADDRESS)}\r\n".replace("\r", "") in left
    for model, found in declared():
        still = {row.pk for row in rows_of(model, ADDRESS)} & set(before[model])
        there = model._default_manager.filter(pk__in=before[model]).count()
        match found.erased:
            case Erased.DELETED:
                assert not there, model.__name__
            case Erased.KEPT:
                assert there == len(before[model]), model.__name__
            case _:
                assert there == len(before[model]), model.__name__
                assert not still, f"{model.__name__} still leads to the person"
    assert facts_of(Erasure, ADDRESS)


def test_an_address_that_was_left_is_forgotten_and_no_import_brings_it_back(
    staff_user: User, send_mail_now: Callable[[], list[EmailMessage]]
) -> None:
    make_policy(version="2026-1", in_force_from=NOW - timedelta(days=1))
    newsletter = make_newsletter(name="The Friday Letter", slug="friday")
    subscription = make_subscription(newsletter=newsletter, email=ADDRESS)
    subscriber = subscription.subscriber
    _letters(subscription, newsletter)
    _waiting(newsletter, subscriber)
    assert ADDRESS in dump()

    _move(subscriber, "quuxington@example.org")
    assert send_mail_now()[-1]["To"] == ADDRESS
    left = dump().lower()
    assert not {trace for trace in derived(ADDRESS) | {NAME} if trace.lower() in left}
    assert reasons_against(ADDRESS, scope=Suppression.Scope.NEWSLETTERS) == ["moved"]

    received = importing.receive(
        [FILE.encode()], newsletter=newsletter, file_name="again.csv", source="A list", wording="Send me.",
        evidence="In the safe", by=staff_user, at=NOW,
    )  # fmt: skip
    importing.start(received, by=staff_user, at=NOW)
    importing.work(received.pk, at=NOW)
    assert dict(ImportRow.objects.filter(subscriber_import=received).values_list("email", "verdict")) == {
        "ann@example.org": "imported",
        "": "suppressed",
        "bob@example.org": "imported",
    }
    assert not Subscriber.objects.filter(email=ADDRESS).exists()

    _move(subscriber, ADDRESS)
    assert reasons_against(ADDRESS, scope=Suppression.Scope.NEWSLETTERS) == []
    assert reasons_against("quuxington@example.org", scope=Suppression.Scope.NEWSLETTERS) == ["moved"]


def _move(subscriber: Subscriber, address: str) -> None:
    at = datetime.now(UTC)
    visits.request_address_change(subscriber, new_address=address, at=at)
    wish = OutgoingMail.objects.filter(template="address_change", address=address).latest("pk")
    visits.change_address(wish.context["url"].rstrip("/").rpartition("/")[2], at=at)
    subscriber.refresh_from_db()
    assert subscriber.email == address


def test_mails_to_an_address_that_was_left_stay_where_a_gift_is_known_by_it(zelda: dict[str, Any]) -> None:
    Suppression.objects.all().delete()
    _move(Subscriber.objects.get(email=ADDRESS), "quuxington@example.org")
    assert OutgoingMail.objects.get(key="a:1").address == ADDRESS
    assert persons.export(ADDRESS)["mails"]
