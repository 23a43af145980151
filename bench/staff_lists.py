"""How long staff wait for each list of giving at a million payments: opened, searched, filtered, sorted.

Run by `make bench`, or alone:  python -m sandbox run -- python bench/staff_lists.py
`BENCH_PAYMENTS` sets how many (1,000,000). Every list that the package shows is measured, with every choice of every
filter, every column that sorts, and searches that find one row, a few and none. The bound is 300 ms for each.
"""

import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")

import django

django.setup()

from django.contrib import admin  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment, teardown_test_environment  # noqa: E402

from bench._bulk import make_payments  # noqa: E402
from donations.models import Payment  # noqa: E402

PAYMENTS = int(os.environ.get("BENCH_PAYMENTS", "1000000"))
MOST_MILLISECONDS = 300.0
TRIES = int(os.environ.get("BENCH_TRIES", "3"))
# Each is somebody's or something's, where the list knows such a thing.
SOUGHT = {
    "donor77@example.org": "an address",
    "DONOR77@Example.org": "an address as people write it",
    "pi_28dd2c7955ce926456240b2ff0100bde": "an id of Stripe's",
    "Reader 333": "a name",
    "nobody@nowhere.example": "what is not there",
}


def milliseconds(client: Client, address: str, query: dict[str, str]) -> float:
    """Return the middle of a few requests, after one that fills the caches."""
    taken = []
    for _number in range(TRIES + 1):
        began = time.perf_counter()
        response = client.get(address, query)
        taken.append((time.perf_counter() - began) * 1000)
        assert response.status_code == 200, f"{address} {query}: {response.status_code}"
    return statistics.median(taken[1:])


def queries(client: Client, address: str) -> dict[str, dict[str, str]]:
    """Return what can be asked of a list, each under the name to print."""
    # With it a response tells its context, and costs more; so it is taken away again before the clock runs.
    setup_test_environment()
    shown: Any = client.get(address).context["cl"]
    teardown_test_environment()
    asked: dict[str, dict[str, str]] = {"opened": {}, "second page": {"p": "2"}}
    for spec in shown.filter_specs:
        for choice in spec.choices(shown):
            query = dict(parse_qsl(choice["query_string"].lstrip("?"), keep_blank_values=True))
            if query and not choice["selected"]:
                asked[f"{spec.title}: {choice['display']}"] = query
    for number in range(1, len(shown.list_display)):
        name = shown.list_display[number]
        if name in (shown.sortable_by or ()) and shown.get_ordering_field(name):
            asked[f"sorted by {name}"] = {"o": str(number)}
    if shown.search_fields:
        asked |= {f"search for {name}": {"q": words} for words, name in SOUGHT.items()}
    return asked


def main() -> None:
    call_command("migrate", verbosity=0)
    began = time.perf_counter()
    if not Payment.objects.exists():
        make_payments(PAYMENTS)
    print(f"{PAYMENTS} payments written in {time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f}")
    client = Client()
    client.force_login(User.objects.create_superuser(f"staff{time.time()}", "staff@meridian.example", "correct horse"))
    # The page on income is registered for its place in the menu, and is no list.
    lists = [model for model in admin.site._registry if not model._meta.proxy]
    models = [model for model in lists if model._meta.app_label == "donations"]
    slow = []
    for model in sorted(models, key=lambda model: model.__name__):
        address = f"/admin/donations/{model._meta.model_name}/"
        taken = {name: milliseconds(client, address, query) for name, query in queries(client, address).items()}
        slowest = max(taken, key=taken.__getitem__)
        opened = taken["opened"]
        print(
            f"{model._meta.verbose_name_plural!s:28} {opened:4.0f} ms opened; slowest of {len(taken):2}: "
            f"{taken[slowest]:4.0f} ms, {slowest}"
        )
        slow += [(name, model.__name__, spent) for name, spent in taken.items() if spent > MOST_MILLISECONDS]
    income = {name: milliseconds(client, "/admin/donations/income/", {"days": name}) for name in ("30", "90", "365")}
    print(
        "income by article            " + ", ".join(f"{spent:.0f} ms for {days} days" for days, spent in income.items())
    )
    print(f"the staff's first page       {milliseconds(client, '/admin/', {}):4.0f} ms")
    for name, kind, spent in slow:
        print(f"TOO SLOW: {kind}, {name}: {spent:.0f} ms")
    sys.exit(1 if slow else 0)


if __name__ == "__main__":
    main()
