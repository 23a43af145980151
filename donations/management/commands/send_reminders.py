from collections import Counter
from datetime import datetime
from time import sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q, QuerySet
from django.utils import timezone

from donations import reminders, reminding
from donations.models import Reminder
from newsroom import outbox
from newsroom.addresses import InvalidAddress, normalise_email
from newsroom.models import OutgoingMail

LONGEST_WAIT_SECONDS = 10


class Command(BaseCommand):
    help = (
        "Send the reminders that are due. With --at, those due by that moment are moved to now; whoever gave, refused "
        "our mail or was reminded within 30 days is still skipped."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", type=_moment, help="send what is due by this moment (ISO 8601, UTC unless said)")
        parser.add_argument("--email", default="", help="only the reminders of this address")
        parser.add_argument("--dry-run", action="store_true", help="list them, and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        by = options["at"] or now
        email = _address(options["email"])
        if options["dry_run"]:
            self._list(by, email)
            return
        for pk in self._unhandled(email):
            reminders.handle(pk, at=now)
        queued = reminding.queue_due(by=by, at=now, email=email)
        mails = OutgoingMail.objects.filter(pk__in=Reminder.objects.filter(pk__in=queued).values("mail"))
        for pk in mails.order_by("pk").values_list("pk", flat=True):
            outbox.deliver(pk)
        self._wait_for_workers(mails)
        reminding.settle(at=timezone.now())
        self._report(queued, by, email)

    def _wait_for_workers(self, mails: QuerySet[OutgoingMail]) -> None:
        """Wait a moment for what a worker took first, so that the report tells how it ended."""
        untried = Q(state=OutgoingMail.State.QUEUED, tries=0)
        under_way = mails.filter(untried | Q(state=OutgoingMail.State.SENDING))
        for _ in range(LONGEST_WAIT_SECONDS * 5):
            if not under_way.exists():
                return
            sleep(0.2)

    def _list(self, by: datetime, email: str) -> None:
        due = Reminder.objects.due(by).order_by("due_at", "pk")
        due = due.filter(email=email) if email else due
        for reminder in due.iterator():
            self.stdout.write(f"reminder {reminder.pk}: due {reminder.due_date}, would be sent now")
        self.stdout.write(f"{due.count()} reminders are due by {by:%Y-%m-%d %H:%M} UTC. Nothing was changed.")

    def _unhandled(self, email: str) -> list[int]:
        asked = Reminder.objects.filter(state=Reminder.State.ASKED)
        asked = asked.filter(email=email) if email else asked
        return list(asked.order_by("pk").values_list("pk", flat=True))

    def _report(self, queued: list[int], by: datetime, email: str) -> None:
        outcomes: Counter[str] = Counter()
        for reminder in Reminder.objects.filter(pk__in=queued).order_by("due_at", "pk"):
            outcome = reminder.get_state_display()
            if reminder.state == Reminder.State.SKIPPED:
                outcome = f"{outcome}, {reminder.get_skip_reason_display()}"
            elif reminder.state == Reminder.State.QUEUED:
                outcome = f"{outcome}, the worker goes on trying"
            outcomes[reminder.get_state_display()] += 1
            self.stdout.write(f"reminder {reminder.pk}: due {reminder.due_date}, {outcome}")
        if queued:
            self.stdout.write(", ".join(f"{count} {state}" for state, count in sorted(outcomes.items())) + ".")
            return
        self.stdout.write(f"No confirmed reminder is due by {by:%Y-%m-%d %H:%M} UTC.")
        rest = Reminder.objects.filter(email=email) if email else Reminder.objects.all()
        pending = rest.filter(state=Reminder.State.PENDING).count()
        later = rest.filter(state=Reminder.State.CONFIRMED).order_by("due_at", "pk").first()
        if pending:
            self.stdout.write(f"{pending} wait until the button in the confirmation mail is pressed.")
        if later is not None:
            self.stdout.write(f"The next is due on {later.due_date}. To send it now: --at {later.due_at.isoformat()}")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


def _address(text: str) -> str:
    try:
        return normalise_email(text) if text else ""
    except InvalidAddress as error:
        raise CommandError("--email is not an address.") from error
