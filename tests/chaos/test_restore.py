"""The restore drill: a day is lost with the server, and nobody who left comes back, and nobody is mailed twice.

Mail, Stripe, the queue and PostgreSQL's own programs are real. `CHAOS_RESTORE_READERS` makes the house larger.
"""

import io
import os
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyrage
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from donations import reminders, reminding
from donations.models import Donation, Payment, Reminder
from donations.reconcile import reconcile
from donations.tasks import tick as donations_tick
from newsroom import database_programs, offsite, persons
from newsroom.mail import queue_mail
from newsroom.models import Job, OffsiteLine, OutgoingMail, Restoration, Suppression
from newsroom.suppressions import suppress
from newsroom.tasks import tick as newsroom_tick
from sandbox.stripe.testing import StripeSandbox
from subscriptions import anchoring, issues, unsubscribing
from subscriptions.models import Issue, Newsletter, Subscription
from subscriptions.tasks import tick as subscriptions_tick
from tests.chaos.houses import new_house
from tests.conftest import drain_queue
from tests.donations.conftest import _stripe_process, stripe_sandbox  # noqa: F401 - fixtures.
from tests.donations.factories import make_amount_rules
from tests.donations.reader import Reader
from tests.donations.reminder_factories import make_reminder
from tests.mailbox import Mailbox
from tests.subscriptions.factories import make_newsletter, make_subscription
from tests.subscriptions.issue_factories import make_issue

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.timeout(1800),
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

READERS = int(os.environ.get("CHAOS_RESTORE_READERS", "8"))


@contextmanager
def at_once(*, execute: bool) -> Iterator[None]:
    """Stand in for the capture of commits: here every transaction really commits."""
    yield


class House:
    """An outlet with readers, an issue, givers and reminders, and what the world sees of it."""

    def __init__(self, sandbox: StripeSandbox, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self.giver = Reader(Client(), sandbox, drain_queue, at_once)

    def minute(self) -> None:
        """Let a minute pass: every tick, and whatever it wakes."""
        for tick in (newsroom_tick, subscriptions_tick, donations_tick):
            tick()
        drain_queue()

    def seen(self) -> Counter[tuple[str, str]]:
        """Count what arrived, by who got it and what it said."""
        return Counter((str(one["To"]), str(one["Subject"])) for one in self.mailbox.messages)

    def build(self) -> None:
        make_amount_rules()
        Job.objects.create(name="reconcile", last_date=timezone.now().date() + timedelta(days=1))
        now = timezone.now()
        names = {"weekday": now.weekday(), "time_zone": "UTC"}
        approved, running = make_newsletter(name="Friday", **names), make_newsletter(name="Running", **names)
        for number in range(READERS):
            make_subscription(newsletter=approved, email=f"reader-{number}@example.org")
            make_subscription(newsletter=running, email=f"reader-{number}@example.org")
        for newsletter in (approved, running):
            issue = make_issue(newsletter=newsletter, issue_date=now.date(), send_at=now, subject=newsletter.name)
            issues.approve(issue, by=None, at=now)
        self.giver.give(email="stays@example.org", frequency="monthly", amount="500")
        self.giver.give(email="leaves@example.org")
        soon = {"asked_at": now - timedelta(days=30), "confirmed_at": now - timedelta(days=29)}
        make_reminder(email="reminded@example.org", due_at=now + timedelta(seconds=1), **soon)
        make_reminder(email="declines@example.org", due_at=now + timedelta(days=9), **soon)
        default_storage.save("images/drill.txt", ContentFile(b"a picture" * 1000))
        drain_queue()

    def lose_a_day(self) -> None:
        """Live through what the backup will not know."""
        now = timezone.now()
        for issue in Issue.objects.filter(state=Issue.State.APPROVED):
            issues.start(issue, by=None, at=now)
        self.minute()
        erased, left, complained = (Subscription.objects.order_by("pk")[2 * number] for number in range(3))
        persons.erase(erased.subscriber.email, at=timezone.now())
        persons.erase("leaves@example.org", at=timezone.now())
        token = unsubscribing.token(left.link_id)
        assert Client().post(f"/newsletter/unsubscribe/{token}/", {"List-Unsubscribe": "One-Click"}).status_code == 200
        reason, scope = Suppression.Reason.COMPLAINED, Suppression.Scope.EVERYTHING
        suppress(complained.subscriber.email, reason=reason, scope=scope, at=timezone.now())
        self.giver.give(email="new@example.org", amount="3000")
        self.giver.give(email="gave-and-left@example.org", amount="4000")
        persons.erase("gave-and-left@example.org", at=timezone.now())
        reminders.cancel_all(Reminder.objects.get(email="declines@example.org").key, at=timezone.now())
        reminding.queue_due(by=timezone.now(), at=timezone.now())
        anchoring.write(at=timezone.now())
        self.minute()
        offsite.write_or_wait()


@pytest.fixture
def house(
    transactional_db: None,
    stripe_sandbox: StripeSandbox,  # noqa: F811 - the fixture.
    smtp: Mailbox,
    settings: Any,
    tmp_path: Path,
) -> Iterator[House]:
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "key").write_text(f"# private\n{identity}\n")
    settings.BACKUP_RECIPIENTS = [str(identity.to_public())]
    settings.OFFSITE_LIST = str(tmp_path / "left.txt")
    settings.CONSENT_ANCHOR = str(tmp_path / "anchors.txt")
    settings.MEDIA_ROOT = str(tmp_path / "media")
    with new_house():
        yield House(stripe_sandbox, smtp)


def test_after_a_lost_day_nobody_comes_back_and_nobody_is_mailed_twice(
    house: House, tmp_path: Path, say: Callable[[str], None]
) -> None:
    began = time.monotonic()
    house.build()
    Issue.objects.filter(newsletter__name="Running").update(state=Issue.State.APPROVED)
    issues.start(Issue.objects.get(newsletter__name="Running"), by=None, at=timezone.now())
    queue_mail(
        key="waits", template="notice", to="waits@example.org", context={"title": "Once", "words": "", "url": ""}
    )
    anchoring.write(at=timezone.now() - timedelta(minutes=2))
    (tmp_path / "backups").mkdir()
    call_command("backup", tmp_path / "backups", stdout=io.StringIO())
    backup = next((tmp_path / "backups").glob("*.age"))
    time.sleep(1)
    house.lose_a_day()
    before, payments = house.seen(), Payment.objects.filter(state="paid").count()
    gone = ["reader-0@example.org", "leaves@example.org", "gave-and-left@example.org"]
    assert max(before.values()) == 1
    assert {("reader-0@example.org", "Friday"), ("reader-0@example.org", "Running")} <= before.keys()
    assert {to for to, _subject in before} >= {"new@example.org", "reminded@example.org", "waits@example.org"}
    assert not OffsiteLine.objects.exists()
    assert "@" not in (tmp_path / "left.txt").read_text()

    default_storage.delete("images/drill.txt")
    with new_house(is_empty=True):
        shown = restore_and_look_after(house, backup, tmp_path, before, gone)
        house.minute()
        house.minute()
        after = house.seen()
        assert max(after.values()) == 1, "somebody was mailed twice"
        again = after - before
        assert {to for to, _subject in again} <= {"contact@testserver"}, "a mail about the lost day left again"
        # The next issue of each is planned by now.
        friday, running = (
            Issue.objects.filter(newsletter__name=name).earliest("issue_date") for name in ("Friday", "Running")
        )
        assert (friday.state, running.state, bool(running.paused_at)) == ("held", "sending", True)
        assert Payment.objects.filter(state="paid").count() == payments
        assert reconcile(since=timezone.now() - timedelta(days=3), dry_run=True).is_clean
        call_command("verify_consent", anchor=str(tmp_path / "anchors.txt"), stdout=io.StringIO())
        assert (tmp_path / "media/images/drill.txt").read_bytes() == b"a picture" * 1000
        house.giver.give(email="later@example.org")
        assert house.mailbox.to("later@example.org"), "what is new does not leave"
    for line in shown.strip().splitlines():
        say(line)
    say(
        f"{READERS} readers, {sum(before.values())} mails before, {len(gone)} erased and 0 of them back, "
        f"0 mailed twice, drift zero, ledger verified, {time.monotonic() - began:.1f} s"
    )


def restore_and_look_after(
    house: House, backup: Path, folder: Path, before: Counter[tuple[str, str]], gone: list[str]
) -> str:
    """Restore, see that nothing leaves, and do what `after_restore` says. Returns its words."""
    call_command("restore", backup, identity=folder / "key", stdout=io.StringIO())
    assert Restoration.objects.holding().exists()
    with pytest.raises(CommandError, match="holds"):
        call_command("restore", backup, identity=folder / "key", stdout=io.StringIO())
    for _number in range(2):
        house.minute()
    assert house.seen() == before, "something left while sending is on hold"
    rows = snapshot()
    plan = io.StringIO()
    call_command("after_restore", stdout=plan)
    assert "Nothing was changed" in plan.getvalue()
    assert snapshot() == rows
    done = io.StringIO()
    call_command("after_restore", apply=True, stdout=done)
    assert not Restoration.objects.holding().exists()
    text = subprocess.run(
        database_programs.command("pg_dump", "--data-only"),
        env=database_programs.environment(),
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert [address for address in gone if address in text] == [], "the erased are back"
    assert "stays@example.org" in text
    states = dict(Subscription.objects.values_list("subscriber__email", "state").distinct())
    newsletter = Newsletter.objects.get(name="Friday")
    left = Subscription.objects.get(newsletter=newsletter, subscriber__email="reader-1@example.org")
    assert (left.state, "reader-0@example.org" in states) == ("unsubscribed", False)
    assert Suppression.objects.filter(reason=Suppression.Reason.COMPLAINED).count() == 1
    assert Reminder.objects.get(email="declines@example.org").state == Reminder.State.CANCELLED
    again = io.StringIO()
    call_command("after_restore", apply=True, stdout=again)
    assert "nothing to do" in again.getvalue()
    return done.getvalue()


def snapshot() -> list[tuple[Any, ...]]:
    """Return what a dry run could have changed."""
    mails = OutgoingMail.objects.order_by("pk").values_list("pk", "state", "error", "not_before")
    states = Subscription.objects.order_by("pk").values_list("pk", "state")
    gifts = Donation.objects.order_by("pk").values_list("pk", "state", "email")
    restorations = Restoration.objects.values_list("lost_until", "released_at")
    return [*mails, *states, *gifts, *restorations, (Suppression.objects.count(), Payment.objects.count())]
