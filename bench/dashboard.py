"""The staff's first page at a million payments and a million readers: what the night costs, and what opening it costs.

Run by `make bench`, or alone:  python -m sandbox run -- python bench/dashboard.py
`BENCH_ROWS` sets how many of each (1,000,000): payments of five years, readers with a grant and a confirmation in the
ledger over the last half year, and one issue of this week that went to all of them. The page reads what the night has
prepared, so its bound is 300 ms however many rows there are; the night has 300 s.
"""

import os
import statistics
import sys
import time
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench._bulk import fill, make_payments  # noqa: E402
from newsroom import preparing, registry  # noqa: E402
from newsroom.attention import attention_panel  # noqa: E402
from subscriptions.models import Consent, Delivery, Issue, Subscriber, Subscription  # noqa: E402
from tests.subscriptions.factories import make_newsletter  # noqa: E402
from tests.subscriptions.issue_factories import make_issue  # noqa: E402

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
MOST_MILLISECONDS = 300.0
MOST_NIGHT_SECONDS = 300.0
TRIES = 9
# As addresses are spread in life: a few large providers, and many domains of a few people each.
DOMAIN = "(ARRAY['large.example', 'large.example', 'mail.example', 'post.example', 'd' || n %% 5000 || '.example'])"


def make_readers() -> None:
    """Write readers, what the ledger holds of them, and the deliveries of an issue that has just gone out."""
    newsletter = make_newsletter()
    issue = make_issue(newsletter=newsletter)
    age = f"now() - ({ROWS} - n) * (interval '180 days' / {ROWS})"
    fill(
        Subscriber,
        ROWS,
        email=f"'reader' || n || '@' || {DOMAIN}[1 + n %% 5]",
        language="'en'",
        created_at=age,
        confirmed_at=age,
    )
    fill(
        Subscription,
        ROWS,
        subscriber_id="n",
        newsletter_id=str(newsletter.pk),
        state="CASE WHEN n %% 20 = 0 THEN 'unsubscribed' ELSE 'active' END",
        requested_at=age,
        confirmed_at=age,
        unsubscribed_at=f"CASE WHEN n %% 20 = 0 THEN {age} END",
    )
    fill(
        Consent,
        ROWS * 2,
        purpose=f"'{newsletter.purpose}'",
        action="CASE WHEN n %% 40 = 0 THEN 'withdrawn' WHEN n %% 2 = 0 THEN 'confirmed' ELSE 'granted' END",
        method="'form'",
        at=f"now() - ({ROWS * 2} - n) * (interval '180 days' / {ROWS * 2})",
        policy_version="'2026-1'",
        policy_hash="md5('policy')",
        wording="'Send me The Friday Letter every Friday.'",
        key_id="'k1'",
        previous_hash="md5((n - 1)::text)",
        row_hash="md5(n::text)",
    )
    fill(
        Delivery,
        ROWS,
        issue_id=str(issue.pk),
        subscription_id="n",
        state="CASE WHEN n %% 200 = 0 THEN 'refused' ELSE 'accepted' END",
        outcome_at="now()",
    )
    # Its hour is past, as that of an issue which has been sent.
    Issue.objects.filter(pk=issue.pk).update(send_at=timezone.now() - timedelta(hours=3))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def main() -> None:
    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    make_payments(ROWS)
    make_readers()
    print(
        f"{ROWS:,} payments and readers written in {time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}"
    )
    at = timezone.now()
    slow = []
    whole = 0.0
    for name, make in registry.prepared_panels.items():
        began = time.perf_counter()
        make(at)
        whole += (spent := time.perf_counter() - began)
        print(f"by night: {name:20} {spent:7.2f} s")
    preparing.prepare(at=at)
    print(f"by night: all                  {whole:7.2f} s  (most {MOST_NIGHT_SECONDS:.0f})")
    if whole > MOST_NIGHT_SECONDS:
        slow.append(f"the night takes {whole:.0f} s")
    user = User.objects.create_superuser("staff", "staff@meridian.example", "correct horse")
    client = Client()
    client.force_login(user)
    for make in [lambda moment: attention_panel(user, moment), *registry.dashboard_panels]:
        began = time.perf_counter()
        panel = make(at)
        print(f"on opening: {panel.title:20} {(time.perf_counter() - began) * 1000:6.1f} ms")
    taken = []
    for _number in range(TRIES + 1):
        began = time.perf_counter()
        response = client.get("/admin/")
        taken.append((time.perf_counter() - began) * 1000)
        assert response.status_code == 200
    page = statistics.median(taken[1:])
    print(f"the whole page: {page:.0f} ms, slowest {max(taken[1:]):.0f} ms  (most {MOST_MILLISECONDS:.0f})")
    if page > MOST_MILLISECONDS:
        slow.append(f"the page takes {page:.0f} ms")
    for words in slow:
        print(f"TOO SLOW: {words}")
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()
