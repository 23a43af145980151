from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from subscriptions import claims, figures, issues, sending
from subscriptions.assembling import assemble
from subscriptions.checklist import checklist
from subscriptions.messages import absolute
from subscriptions.models import Delivery, Issue, Newsletter, Subscription


class Command(BaseCommand):
    help = (
        "Assemble, approve and send today's issue of a newsletter, to see it happen. The command works as the product "
        "itself does: the same picks, the same checks, the same rows, and each reader gets an issue once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--newsletter", metavar="SLUG", help="which newsletter; not needed when there is one")
        parser.add_argument("--now", action="store_true", help="send at once instead of leaving it to the workers")
        parser.add_argument("--at", metavar="ISO", help="act as if it were this moment, such as 2026-11-20T08:00+02:00")
        parser.add_argument("--dry-run", action="store_true", help="say what would be sent to how many, and stop")

    def handle(self, *args: Any, **options: Any) -> None:
        newsletter = self._newsletter(options["newsletter"])
        at = self._moment(options["at"])
        issue_date = at.astimezone(newsletter.zone).date()
        if options["dry_run"]:
            readers = Subscription.objects.filter(newsletter=newsletter).mailable(at).count()
            self.stdout.write(f"Today's issue of {newsletter} would go to {readers} readers. Nothing was changed.")
            return
        issue = assemble(newsletter=newsletter, issue_date=issue_date, at=at)
        self.stdout.write(f"{issue}: {issue.picks.count()} articles, subject “{issue.subject}”.")
        if issue.state in (Issue.State.DRAFT, Issue.State.HELD):
            self._approve(issue, at)
        if issue.state == Issue.State.APPROVED:
            self._start(issue, at)
            self._say_to_whom(issue)
        if issue.state != Issue.State.SENDING:
            raise CommandError(
                f"The issue of {issue_date} is {issue.get_state_display()}. {issue.state_reason}".strip()
            )
        if options["now"]:
            self._send(issue)
        else:
            self.stdout.write("The workers send it now. Watch it in the admin, or call this with --now.")

    def _newsletter(self, slug: str | None) -> Newsletter:
        newsletters = Newsletter.objects.active().order_by("position", "pk")
        if slug:
            newsletters = newsletters.filter(slug=slug)
        found = list(newsletters)
        if not found:
            raise CommandError("There is no such active newsletter.")
        if len(found) > 1:
            raise CommandError("Name one with --newsletter: " + ", ".join(one.slug for one in found))
        return found[0]

    def _moment(self, text: str | None) -> datetime:
        if not text:
            return timezone.now()
        moment = parse_datetime(text)
        if moment is None or timezone.is_naive(moment):
            raise CommandError("--at needs a moment with its offset, such as 2026-11-20T08:00+02:00.")
        return moment

    def _approve(self, issue: Issue, at: datetime) -> None:
        for finding in checklist(issue, at=at):
            self.stdout.write(f"  {'needed' if finding.is_obstacle else 'note'}: {finding.text}")
        try:
            issues.approve(issue, by=None, at=at)
        except issues.NotReady as lack:
            raise CommandError("The issue cannot go out: " + " ".join(lack.obstacles)) from lack

    def _start(self, issue: Issue, at: datetime) -> None:
        try:
            issues.start(issue, by=None, at=at)
        except issues.NotReady as lack:
            raise CommandError("The issue cannot go out: " + " ".join(lack.obstacles)) from lack

    def _say_to_whom(self, issue: Issue) -> None:
        self.stdout.write(f"Prepared for {issue.prepared} readers of {issue.candidates} subscriptions.")
        for reason in figures.reasons(issue):
            self.stdout.write(f"  not written to: {reason.count} ({reason.words})")

    def _send(self, issue: Issue) -> None:
        while True:
            turn = sending.send_issue(issue.pk)
            counts = claims.progress(issue, at=timezone.now()).counts
            said = ", ".join(f"{count} {Delivery.State(state).label}" for state, count in counts.items() if count)
            self.stdout.write(f"So far: {said}." if said else "There is nobody to send it to.")
            if turn.stop is sending.Stop.TRANSPORT_DOWN:
                raise CommandError("The mail server cannot be reached. The workers go on trying; nobody is lost.")
            if turn.stop is not sending.Stop.TURN_IS_OVER:
                break
        issue.refresh_from_db()
        self.stdout.write(
            self.style.SUCCESS(f"The issue is {issue.get_state_display()}: {absolute(issue.get_absolute_url())}")
        )
