"""Importing subscribers: every format, every verdict, killed in the middle, undone."""

import codecs
import csv
import io
from datetime import UTC, date, datetime, timedelta
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client

from newsroom import persons
from newsroom.models import HistoryEntry, Suppression
from newsroom.suppressions import suppress
from subscriptions import importing, ledger, retention
from subscriptions.import_files import Columns, UnreadableFile, head_of, look
from subscriptions.models import (
    Consent,
    ImportChunk,
    ImportRow,
    Newsletter,
    Subscriber,
    SubscriberImport,
    Subscription,
)
from tests.subscriptions.factories import NOW, make_subscription

State = Subscription.State

MAILCHIMP = (
    '"Email Address","First Name","OPTIN_TIME","CONFIRM_TIME","LANGUAGE"\n'
    "Lena@Example.org,Lena,2024-05-03 08:00:00,2024-05-03 08:05:00,en\n"
)
GHOST = (
    "id,email,name,note,subscribed_to_emails,complimentary_plan,created_at\n"
    "1,lena@example.org,L,,true,,2024-05-03T08:05:00.000Z\n"
    "2,off@example.org,O,,false,,2024-05-03T08:05:00.000Z\n"
)
SUBSTACK = (
    "email,active_subscription,expiry,email_disabled,created_at\n"
    "lena@example.org,false,,false,2024-05-03T08:05:00.000Z\n"
    "off@example.org,true,,true,2024-05-03T08:05:00.000Z\n"
)
MAILCHIMP_LEFT = (
    "Email Address,First Name,OPTIN_TIME,CONFIRM_TIME,UNSUB_TIME,UNSUB_REASON\n"
    "off@example.org,Lena,2024-05-03 08:00:00,2024-05-03 08:05:00,2025-01-01 10:00:00,N/A (Unsubscribed by Admin)\n"
)
LISTMONK = (
    "uuid,email,name,attributes,status,created_at\n"
    "x,lena@example.org,L,{},enabled,2024-05-03 08:05:00+00\n"
    "y,off@example.org,O,{},blocklisted,2024-05-03 08:05:00+00\n"
)


def about(newsletter: Newsletter, **changes: Any) -> dict[str, Any]:
    return {
        "newsletter": newsletter,
        "file_name": "readers.csv",
        "source": "Mailchimp, 3 May 2026",
        "wording": "Send me the letter.",
        "evidence": "with the managing editor",
        "by": None,
        "at": NOW,
        **changes,
    }


def receive(newsletter: Newsletter, content: str | bytes, **changes: Any) -> SubscriberImport:
    raw = content.encode() if isinstance(content, str) else content
    return importing.receive([raw], **about(newsletter, **changes))


def run(found: SubscriberImport) -> SubscriberImport:
    importing.start(found, by=None, at=NOW)
    importing.work(found.pk, at=NOW)
    found.refresh_from_db()
    return found


def verdicts(found: SubscriberImport) -> dict[int, str]:
    return dict(ImportRow.objects.filter(subscriber_import=found).order_by("line").values_list("line", "verdict"))


@pytest.mark.parametrize(
    ("content", "system"),
    [(MAILCHIMP, "Mailchimp"), (GHOST, "Ghost"), (SUBSTACK, "Substack"), (LISTMONK, "listmonk")],
)
def test_columns_of_other_systems_are_recognised(newsletter: Newsletter, content: str, system: str) -> None:
    assert look(content.encode()).system == system
    found = run(receive(newsletter, content))
    assert found.state == SubscriberImport.State.DONE
    subscription = Subscription.objects.get()
    assert (subscription.subscriber.email, subscription.state) == ("lena@example.org", State.ACTIVE)
    assert subscription.confirmed_at == datetime(2024, 5, 3, 8, 5, tzinfo=UTC)
    assert set(verdicts(found).values()) <= {"imported", "left-there"}


def test_whoever_left_elsewhere_is_left_alone_wherever_the_file_says_so(newsletter: Newsletter) -> None:
    assert verdicts(run(receive(newsletter, MAILCHIMP_LEFT))) == {2: "left-there"}
    both = "email,status\nlena@example.org,subscribed\nLENA@example.org,unsubscribed\nlena@example.org,subscribed\n"
    assert set(verdicts(run(receive(newsletter, both))).values()) == {"left-there"}
    assert not Subscriber.objects.exists()


@pytest.mark.parametrize(
    ("raw", "encoding", "names"),
    [
        ("email;name\nlena@example.org;Лена\n".encode("utf-16"), "utf-16", ["email", "name"]),
        ("email;имя\nlena@example.org;Лена\n".encode("utf-16-le"), "utf-16-le", ["email", "имя"]),
        ("email;имя\nlena@example.org;Лена\n".encode("utf-16-be"), "utf-16-be", ["email", "имя"]),
        (codecs.BOM_UTF8 + "email,имя\nlena@example.org,Лена\n".encode(), "utf-8-sig", ["email", "имя"]),
        ("E-Mail\tName\nlena@example.org\tJosé\n".encode("cp1252"), "cp1252", ["E-Mail", "Name"]),
        ("Имя|Почта\nЛена|lena@example.org\n".encode("cp1251"), "cp1251", ["Имя", "Почта"]),
        (b"email\r\nlena@example.org", "utf-8", ["email"]),
        (b"email,email,\nlena@example.org,second@example.org,x\n", "utf-8", ["email", "email (#2)", "#3"]),
        (b"lena@example.org,2024-05-03\n", "utf-8", ["#1", "#2"]),
    ],
)
def test_encodings_delimiters_and_names_of_columns_are_detected(
    newsletter: Newsletter, raw: bytes, encoding: str, names: list[str]
) -> None:
    found = receive(newsletter, raw)
    head = head_of(found)
    assert head is not None
    assert (found.encoding, head.names) == (encoding, names)
    run(found)
    assert Subscriber.objects.get().email == "lena@example.org"


def test_one_accent_at_the_end_of_a_long_file_tells_its_encoding(newsletter: Newsletter) -> None:
    pieces = [b"email,name\n", b"lena@example.org,Lena\n", "jose@example.org,José\n".encode("cp1252")]
    found = run(importing.receive(pieces, **about(newsletter)))
    assert (found.encoding, Subscriber.objects.count()) == ("cp1252", 2)


def test_staff_say_which_column_is_what(newsletter: Newsletter) -> None:
    content = "who,how to reach,since,tongue\nsee@example.org,lena@example.org,2024-05-03,RU\nx,ann@example.org,,xx\n"
    found = receive(newsletter, content)
    assert (found.email_column, found.date_column) == ("how to reach", "")
    for wrong in (Columns(""), Columns("nothing"), Columns("who", date="nothing")):
        with pytest.raises(importing.NoSuchColumn):
            importing.choose_columns(found, wrong, by=None, at=NOW)
    chosen = Columns("how to reach", date="since", language="tongue")
    assert importing.choose_columns(found, chosen, by=None, at=NOW)
    found.refresh_from_db()
    run(found)
    readers = Subscriber.objects.values_list("email", "language", "confirmed_at__date")
    assert set(readers) == {("lena@example.org", "ru", date(2024, 5, 3)), ("ann@example.org", "en", NOW.date())}
    assert not importing.choose_columns(found, Columns("who"), by=None, at=NOW)
    assert HistoryEntry.objects.get(action="import.columns_chosen").after["date"] == "since"


def test_file_that_never_ran_is_deleted_by_hand_and_by_time(newsletter: Newsletter) -> None:
    by_hand, old, young = (receive(newsletter, MAILCHIMP) for _number in range(3))
    SubscriberImport.objects.filter(pk=old.pk).update(created_at=NOW - timedelta(days=31))
    assert importing.discard(by_hand, by=None, at=NOW)
    assert "imports (30 days): 1" in retention.run(at=NOW, is_dry_run=True)
    assert "imports (30 days): 1" in retention.run(at=NOW)
    states = dict(SubscriberImport.objects.values_list("pk", "state"))
    assert states == {by_hand.pk: "discarded", old.pk: "discarded", young.pk: "received"}
    assert set(ImportChunk.objects.values_list("subscriber_import", flat=True)) == {young.pk}
    assert not importing.start(old, by=None, at=NOW)
    assert not importing.discard(run(young), by=None, at=NOW)


def test_every_line_gets_its_verdict_and_no_state_is_overwritten(newsletter: Newsletter) -> None:
    for state in State:
        make_subscription(newsletter=newsletter, email=f"{state}@example.org", state=state)
    for reason in Suppression.Reason:
        scope = Suppression.Scope.NEWSLETTERS
        suppress(f"was-{reason}@example.org", reason=reason, scope=scope, at=NOW)
    lines = [
        "new@example.org", "NEW@example.org", "nonsense", "active@example.org", "pending@example.org",
        "unsubscribed@example.org", "suppressed@example.org", "was-erased@example.org", "was-unsubscribed@example.org",
        "was-bounced@example.org", "was-complained@example.org", "", "Lena <lena@example.org>",
        "mailto:lena@bücher.example/",
    ]  # fmt: skip
    before = dict(Subscription.objects.values_list("subscriber__email", "state"))
    found = run(receive(newsletter, "email\n" + "\n".join(lines)))
    assert list(verdicts(found).values()) == [
        "imported", "duplicate", "invalid", "already-active", "pending",
        "unsubscribed", "suppressed", "suppressed", "suppressed", "suppressed", "suppressed", "invalid", "invalid",
    ]  # fmt: skip
    # An erasure looks for addresses, so none may hide in what is none.
    unread = ImportRow.objects.filter(verdict="invalid").order_by("line").values_list("email", flat=True)
    assert list(unread) == ["nonsense", "Lena <…>", "mailto:…/"]
    after = dict(Subscription.objects.values_list("subscriber__email", "state"))
    assert after == {**before, "new@example.org": "active"}


def test_ledger_says_where_consent_came_from(newsletter: Newsletter) -> None:
    found = run(receive(newsletter, MAILCHIMP))
    row = Consent.objects.get()
    assert (row.action, row.method, row.wording) == ("granted", "import", "Send me the letter.")
    assert row.reason == "Mailchimp, 3 May 2026; with the managing editor"
    assert row.page == f"/admin/subscriptions/subscriberimport/{found.pk}/"
    assert not list(ledger.faults())


def test_file_without_addresses_is_refused(newsletter: Newsletter) -> None:
    for content in ("", "name,city\nLena,Vilnius\n", "\x00\x00"):
        with pytest.raises(UnreadableFile):
            receive(newsletter, content)
    assert not SubscriberImport.objects.exists()


def test_source_words_and_evidence_are_demanded_by_the_database(newsletter: Newsletter) -> None:
    for lost in ("source", "wording", "evidence"):
        with pytest.raises(IntegrityError), transaction.atomic():
            receive(newsletter, MAILCHIMP, **{lost: ""})


def test_file_that_breaks_in_the_middle_imports_nobody(newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b"email\n" + b"lena@example.org\n" * 10 + b"\xff\xfe\xfa@example.org\n"
    found = receive(newsletter, raw)
    SubscriberImport.objects.filter(pk=found.pk).update(encoding="utf-8")
    found = run(found)
    assert found.state == SubscriberImport.State.FAILED
    assert not ImportRow.objects.exists()
    assert not Subscription.objects.exists()


def test_killed_worker_loses_and_doubles_nobody(newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is a transaction; here the worker dies inside one, and another goes on."""
    monkeypatch.setattr(importing, "BLOCK", 10)
    monkeypatch.setattr(importing, "COPY_ROWS", 7)
    found = receive(newsletter, "email\n" + "".join(f"reader{number}@example.org\n" for number in range(95)))
    importing.start(found, by=None, at=NOW)
    for _ in range(18):
        importing.work(found.pk, at=NOW, seconds=0)

    class Killed(BaseException):
        pass

    def die(rows: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(importing, "_write_verdicts", die)
        with pytest.raises(Killed):
            importing.work(found.pk, at=NOW)
    assert Subscription.objects.count() == ImportRow.objects.filter(verdict="imported").count() == 30
    importing.work(found.pk, at=NOW)
    assert Subscription.objects.count() == Consent.objects.count() == 95
    assert not ImportChunk.objects.exists()
    assert not list(ledger.faults())


def test_block_is_written_by_copy_and_holds(newsletter: Newsletter) -> None:
    run(receive(newsletter, "email\n" + "".join(f"reader{number}@example.org\n" for number in range(450))))
    assert Consent.objects.count() == 450
    assert not list(ledger.faults())


def test_second_worker_and_second_click_do_nothing(newsletter: Newsletter) -> None:
    found = run(receive(newsletter, MAILCHIMP))
    assert not importing.start(found, by=None, at=NOW)
    importing.work(found.pk, at=NOW)
    assert Consent.objects.count() == 1


def test_undo_takes_back_what_is_still_as_imported(newsletter: Newsletter) -> None:
    before = make_subscription(newsletter=newsletter, email="before@example.org")
    found = run(receive(newsletter, "email\nbefore@example.org\na@example.org\nleft@example.org\n"))
    importing.consent.withdraw(
        Subscription.objects.get(subscriber__email="left@example.org"), page="", method=Consent.Method.ONE_CLICK, at=NOW
    )
    assert importing.undo(found, by=None, at=NOW + timedelta(hours=23))
    importing.work(found.pk, at=NOW)
    found.refresh_from_db()
    assert found.state == SubscriberImport.State.UNDONE
    assert set(Subscriber.objects.values_list("email", flat=True)) == {"before@example.org", "left@example.org"}
    before.refresh_from_db()
    assert before.state == State.ACTIVE
    assert not list(ledger.faults())


def test_undo_leaves_alone_who_signed_up_since(newsletter: Newsletter) -> None:
    found = run(receive(newsletter, "email\na@example.org\nasked@example.org\n"))
    asked = make_subscription(newsletter=newsletter, email="asked@example.org", at=NOW + timedelta(hours=1))

    assert importing.undo(found, by=None, at=NOW + timedelta(hours=2))
    importing.work(found.pk, at=NOW + timedelta(hours=2))

    found.refresh_from_db()
    asked.refresh_from_db()
    assert found.state == SubscriberImport.State.UNDONE
    assert asked.state == State.ACTIVE
    assert list(Subscriber.objects.values_list("email", flat=True)) == ["asked@example.org"]


def test_undo_ends_after_a_day(newsletter: Newsletter) -> None:
    found = run(receive(newsletter, MAILCHIMP))
    with pytest.raises(importing.TooLateToUndo):
        importing.undo(found, by=None, at=NOW + timedelta(hours=25))


def test_erasure_reaches_into_imports(newsletter: Newsletter) -> None:
    run(receive(newsletter, MAILCHIMP))
    assert persons.export("lena@example.org")["newsletters"]["lines_of_imports"]
    persons.erase("lena@example.org", at=NOW)
    row = ImportRow.objects.get()
    assert (row.email, row.subscription) == ("", None)
    assert verdicts(run(receive(newsletter, MAILCHIMP + MAILCHIMP.split("\n")[1]))) == {2: "suppressed", 3: "duplicate"}
    assert not ImportRow.objects.exclude(email="").exists()


@pytest.mark.django_db(transaction=True)
def test_an_erasure_under_way_wins_over_an_import(newsletter: Newsletter) -> None:
    found = receive(newsletter, "email\nlena@example.org\nanother@example.org\n")
    importing.start(found, by=None, at=NOW)
    importing.work(found.pk, at=NOW, seconds=0)
    assert ImportRow.objects.count() == 2

    def work() -> None:
        try:
            importing.work(found.pk, at=NOW)
        finally:
            connection.close()

    worker = Thread(target=work)
    with transaction.atomic():
        persons.erase("lena@example.org", at=NOW)
        worker.start()
        _wait_until_somebody_waits_for_a_lock()
    worker.join(timeout=30)

    assert list(Subscriber.objects.values_list("email", flat=True)) == ["another@example.org"]
    assert verdicts(found) == {2: "suppressed", 3: "imported"}


@pytest.mark.django_db(transaction=True)
def test_whoever_is_erased_while_a_worker_reads_the_file_is_in_no_line_of_it(
    newsletter: Newsletter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who left elsewhere is never looked at again once their line is read, so it must not be read from memory."""
    monkeypatch.setattr(importing, "COPY_ROWS", 1)
    found = receive(
        newsletter, "email,status\na@example.org,on\nlena@example.org,unsubscribed\nmia@example.org,unsubscribed\n"
    )
    importing.start(found, by=None, at=NOW)
    worker = importing.Turn()
    assert importing._step(found.pk, NOW, worker)
    persons.erase("mia@example.org", at=NOW)

    def erase() -> None:
        try:
            persons.erase("lena@example.org", at=NOW)
        finally:
            connection.close()

    eraser = Thread(target=erase)
    with transaction.atomic():
        assert importing._step(found.pk, NOW, worker)
        eraser.start()
        _wait_until_somebody_waits_for_a_lock()
    eraser.join(timeout=30)
    assert list(ImportRow.objects.order_by("line").values_list("email", flat=True)) == ["a@example.org", ""]

    while importing._step(found.pk, NOW, worker):
        pass
    assert verdicts(found)[2] == "imported"
    assert not {"lena@example.org", "mia@example.org"} & set(ImportRow.objects.values_list("email", flat=True))


def _wait_until_somebody_waits_for_a_lock() -> None:
    ends_at = monotonic() + 20
    while monotonic() < ends_at:
        with connection.cursor() as cursor:
            # The statistics of a transaction are those of its first look, unless they are thrown away.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock')"
            )
            if cursor.fetchone()[0]:
                return
        sleep(0.05)
    raise AssertionError("nobody waited for a lock")


def test_staff_upload_look_run_read_and_undo(
    staff_client: Client, newsletter: Newsletter, run_queue: Any, django_capture_on_commit_callbacks: Any
) -> None:
    fields = {"newsletter": newsletter.pk, "source": "Ghost", "wording": "Send me.", "evidence": "in the safe"}
    base = "/admin/subscriptions/subscriberimport/"
    response = staff_client.post(f"{base}add/", {**fields, "file": SimpleUploadedFile("ghost.csv", GHOST.encode())})
    found = SubscriberImport.objects.get()
    assert response["Location"] == f"{base}{found.pk}/change/"
    page = staff_client.get(response["Location"]).content.decode()
    assert "This is a file as Ghost writes it" in page
    assert '<option value="email" selected>' in page
    assert "<td><strong>lena@example.org</strong></td>" in page
    assert "not subscribed in the file" in page
    assert not Subscription.objects.exists()
    staff_client.post(f"{base}{found.pk}/columns/", {"email": "name"})
    assert "<td><strong>O</strong></td>" in staff_client.get(f"{base}{found.pk}/change/").content.decode()
    wrong = staff_client.post(f"{base}{found.pk}/columns/", {"email": "nobody"}, follow=True)
    assert "The file has no such column." in wrong.content.decode()
    recognised = {"email": "email", "date": "created_at", "status": "subscribed_to_emails"}
    staff_client.post(f"{base}{found.pk}/columns/", recognised)
    with django_capture_on_commit_callbacks(execute=True):
        assert staff_client.get(f"{base}{found.pk}/start/").status_code == 403
        staff_client.post(f"{base}{found.pk}/start/")
    run_queue()
    assert Subscription.objects.count() == 1
    file = b"".join(staff_client.get(f"{base}{found.pk}/verdicts.csv").streaming_content).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(file))) == [
        ["line", "email", "verdict"],
        ["2", "lena@example.org", "imported"],
        ["3", "off@example.org", "left-there"],
    ]
    with django_capture_on_commit_callbacks(execute=True):
        staff_client.post(f"{base}{found.pk}/undo/")
    run_queue()
    assert not Subscriber.objects.exists()
    actions = list(HistoryEntry.objects.order_by("pk").values_list("action", flat=True))
    words = ["received", "columns_chosen", "columns_chosen", "started", "verdicts_read", "undone"]
    steps = [action for action in actions if action != "import.previewed"]
    assert steps[-6:] == [f"import.{word}" for word in words]
    # The first lines show people, so whoever looks at them is written down too.
    assert actions.count("import.previewed") == 3


def test_upload_without_addresses_is_explained(staff_client: Client, newsletter: Newsletter) -> None:
    fields = {"newsletter": newsletter.pk, "source": "x", "wording": "x", "evidence": "x"}
    file = SimpleUploadedFile("x.csv", b"name\nLena\n")
    response = staff_client.post("/admin/subscriptions/subscriberimport/add/", {**fields, "file": file})
    assert "There is no column of email addresses" in response.content.decode()
