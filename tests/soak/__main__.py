"""A day in twenty minutes: traffic, sign-ups, gifts, an issue, and every process restarted in turn, again and again.

`python -m tests.soak [minutes]`, through `make soak`. At the end memory is flat, no process has logged an error, every
reader, gift and delivery that was answered has its row, and the figures are printed. Exits with 1 where one is wrong.
"""

import logging
import os
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import django

MINUTES = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
# What may stand in the log of a process whose server was restarted under it.
EXPECTED = re.compile(
    r"broker is away|Connection|connection|cannot connect|Trying again|consumer:|OperationalError|AdminShutdown"
    r"|server closed|Worker exiting|Handling signal|warm shutdown|Could not (plan|assemble|settle|continue)"
)
BAD = re.compile(r"^(ERROR|CRITICAL)\b|Traceback", re.MULTILINE)
FLAT_SHARE = 1.25
FLAT_SLACK_KB = 20_000


def rss_of(group: int) -> int:
    """Return the resident memory of a process group, in KB."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                total += int(fields[21]) * os.sysconf("SC_PAGE_SIZE") // 1024
        except (OSError, IndexError):
            continue
    return total


class Soak:
    """The product on servers of its own, and readers who come as long as it lasts."""

    def __init__(self, stage: Any, seconds: float) -> None:
        self.stage = stage
        self.seconds = seconds
        self.count: Counter[str] = Counter()
        self.signed_up: list[str] = []
        self.gifts: list[int] = []
        self.memory: dict[str, list[tuple[float, int]]] = defaultdict(list)
        self.faults: list[str] = []
        self.is_over = threading.Event()
        self.restarted: Counter[str] = Counter()

    def get(self, path: str) -> None:
        request = urllib.request.Request(  # noqa: S310 - our own server on loopback.
            self.stage.site + path, headers={"X-Forwarded-For": f"10.9.{self.count['pages'] % 250}.1"}
        )
        self._open(request, "pages")

    def post(self, path: str, fields: dict[str, str]) -> bool:
        number = self.count["posts"]
        request = urllib.request.Request(  # noqa: S310 - as above.
            self.stage.site + path,
            urllib.parse.urlencode(fields).encode(),
            {"X-Forwarded-For": f"10.{number >> 8 & 255}.{number & 255}.7"},
        )
        return self._open(request, "posts")

    def _open(self, request: Any, kind: str) -> bool:
        self.count[kind] += 1
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above.
                answer.read()
                return True
        except urllib.error.HTTPError as error:
            with error:
                if error.code >= 500:
                    self.count[f"answers {error.code} while something was restarted"] += 1
        except (OSError, ValueError):
            self.count["refused while something was restarted"] += 1
        return False

    def look_at_memory(self, at: float) -> None:
        for name, child in self.stage.children.items():
            self.memory[name].append((at, rss_of(os.getpgid(child.pid))))

    def look_at_logs(self) -> None:
        for name in ("web", "worker", "beat"):
            path = self.stage.stage.servers.folder.path / f"{name}.log"
            for line in path.read_text(errors="replace").splitlines() if path.exists() else ():
                if BAD.search(line) and not EXPECTED.search(line) and not line.startswith("Traceback"):
                    self.faults.append(f"{name} logged: {line[:160]}")

    def look_at_flatness(self) -> list[str]:
        """Compare each process's memory in the last third of its life with the first half, once it has warmed up."""
        lines = []
        for name, rows in self.memory.items():
            sizes = [size for _at, size in rows if size]
            early, late = sizes[len(sizes) // 4 : len(sizes) // 2], sizes[-len(sizes) // 3 :]
            if not early or not late:
                continue
            before, after = max(early), sorted(late)[len(late) // 2]
            lines.append(f"{name} {before // 1024} → {after // 1024} MB")
            if after > before * FLAT_SHARE + FLAT_SLACK_KB:
                self.faults.append(f"{name} grew from {before // 1024} to {after // 1024} MB")
        return lines


def traffic(soak: Soak, paths: list[str]) -> None:
    while not soak.is_over.is_set():
        soak.get(paths[soak.count["pages"] % len(paths)])
        time.sleep(0.05)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
    django.setup()
    # The catcher tells each line of each conversation, which buries the figures.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    # These need the loaded models.
    from django.core.management import call_command  # noqa: PLC0415
    from django.utils import timezone  # noqa: PLC0415

    from donations.models import Payment  # noqa: PLC0415
    from donations.reconcile import reconcile  # noqa: PLC0415
    from newsroom.celery import app  # noqa: PLC0415
    from newsroom.models import OutgoingMail  # noqa: PLC0415
    from subscriptions import issues, ledger  # noqa: PLC0415
    from subscriptions.models import Delivery, Issue, SignupRequest, Subscription  # noqa: PLC0415
    from tests.chaos.money_stage import MoneyStage  # noqa: PLC0415
    from tests.donations.factories import make_amount_rules  # noqa: PLC0415
    from tests.newsroom.factories import make_article  # noqa: PLC0415
    from tests.subscriptions.factories import make_newsletter, make_subscription  # noqa: PLC0415
    from tests.subscriptions.issue_factories import make_issue  # noqa: PLC0415

    app.loader.import_default_modules()
    seconds = MINUTES * 60
    with MoneyStage.built() as stage:
        make_amount_rules()
        newsletter = make_newsletter(weekday=timezone.now().weekday(), time_zone="UTC")
        for number in range(200):
            make_subscription(newsletter=newsletter, email=f"old-{number}@example.org")
        articles = [make_article() for _number in range(20)]
        issue = make_issue(newsletter=newsletter, articles=articles[:3], issue_date=timezone.now().date())
        stage.launch("beat")
        soak = Soak(stage, seconds)
        paths = ["/", "/search/?q=text", "/archive/", "/sitemap.xml", "/feed.rss", "/support/"]
        paths += [f"/articles/{article.slug}/" for article in articles]
        walker = threading.Thread(target=traffic, args=(soak, paths))
        walker.start()
        began = time.monotonic()
        turn, restarts = 0, ["worker", "web", "beat", "redis"]
        next_restart, has_issue = seconds / 12, False
        try:
            while (now := time.monotonic() - began) < seconds:
                turn += 1
                email = f"reader-{turn}@example.org"
                words = signup_fields(newsletter, email)
                if soak.post(f"/newsletter/{newsletter.slug}/sign-up/", words):
                    soak.signed_up.append(email)
                if turn % 5 == 0:
                    try:
                        donation = stage.start(email=f"giver-{turn}@example.org")
                        stage.sandbox.pay(str(stage.session_of(donation).stripe_id))
                        soak.gifts.append(donation.pk)
                    except (AssertionError, OSError):
                        soak.count["gifts put off while something was restarted"] += 1
                if not has_issue and now > seconds / 4:
                    has_issue = True
                    issues.approve(issue, by=None, at=timezone.now())
                    issues.start(issue, by=None, at=timezone.now())
                if now > next_restart:
                    name = restarts[sum(soak.restarted.values()) % len(restarts)]
                    if name == "redis":
                        stage.kill_redis()
                    else:
                        stage.children[name].stop()
                        stage.launch(name)
                    soak.restarted[name] += 1
                    next_restart += seconds / 12
                soak.look_at_memory(now)
                time.sleep(0.5)
        finally:
            soak.is_over.set()
            walker.join()
        stage.push("subscriptions.tasks.tick")
        stage.rest(seconds=180)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and (
            Issue.objects.get(pk=issue.pk).state != "sent" or SignupRequest.objects.exists()
        ):
            stage.push("subscriptions.tasks.tick")
            time.sleep(2)
        missing = set(soak.signed_up) - set(Subscription.objects.values_list("subscriber__email", flat=True))
        unpaid = len(soak.gifts) - Payment.objects.filter(donation__in=soak.gifts, state="paid").count()
        states = Counter(Delivery.objects.filter(issue=issue).values_list("state", flat=True))
        drift = reconcile(since=timezone.now() - timezone.timedelta(days=2), dry_run=True).drift
        for words, wrong in (
            (f"{len(missing)} sign-ups have no row", missing),
            (f"{unpaid} gifts have no payment", unpaid),
            (f"deliveries: {dict(states)}", set(states) - {"accepted"}),
            (f"the issue is {Issue.objects.get(pk=issue.pk).state}", Issue.objects.get(pk=issue.pk).state != "sent"),
            (f"{len(drift)} objects differ from Stripe", drift),
            ("the ledger does not hold", list(ledger.faults())),
            ("mails failed", OutgoingMail.objects.filter(state="failed").count()),
        ):
            if wrong:
                soak.faults.append(words)
        soak.look_at_logs()
        flat = soak.look_at_flatness()
        call_command("verify_consent")
        print(f"soak of {MINUTES:g} minutes: " + ", ".join(f"{number} {name}" for name, number in soak.count.items()))
        print(f"restarts: {dict(soak.restarted)}; memory: {', '.join(flat)}")
        print(
            f"{len(soak.signed_up)} sign-ups, {len(soak.gifts)} gifts, deliveries {dict(states)}, "
            f"{len(stage.mailbox.messages)} mails arrived, {len(drift)} drift"
        )
    for fault in soak.faults:
        print(f"WRONG: {fault}")
    print("Nothing was lost." if not soak.faults else f"{len(soak.faults)} faults.")
    return 1 if soak.faults else 0


def signup_fields(newsletter: Any, email: str) -> dict[str, str]:
    """Return what the form sends, with the words of this moment."""
    from django.utils import timezone  # noqa: PLC0415 - needs the settings.

    from subscriptions.statements import newsletter_statement  # noqa: PLC0415 - needs the models.

    statement = newsletter_statement(newsletter, at=timezone.now())
    return {"email": email, "consent": "on", "statement": statement.fingerprint if statement else ""}


if __name__ == "__main__":
    sys.exit(main())
