"""How fast an issue of 30 KB leaves through a provider's HTTP interface, in batches of 1,000, with the bookkeeping.

Run by `make bench`, or alone:  python -m sandbox run -- python bench/newsletter_http.py
`BENCH_RECIPIENTS` sets how many (50,000). The provider is a process on loopback that answers at once as Mailgun does.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from bench import _newsletter as bench  # noqa: E402
from newsroom.providers import PROVIDERS  # noqa: E402

RECIPIENTS = int(os.environ.get("BENCH_RECIPIENTS", "50000"))
FLOOR, MOST_MEMORY = 5_000, 150


def main() -> None:
    call_command("migrate", verbosity=0)
    issue = bench.make_approved_issue(RECIPIENTS)
    print(f"{RECIPIENTS} readers, batches of {PROVIDERS['mailgun'].batch}, {bench.load()}")
    for count in (1, 2):
        with bench.program(lambda port: [sys.executable, str(bench.HERE / "_provider_sink.py"), str(port)]) as port:
            url = f"http://127.0.0.1:{port}/"
            os.environ["EMAIL_URL"] = f"mailgun://key@{urlsplit(url).hostname}?api_url={url}v3"
            issue = bench.next_issue(issue)
            prepared = bench.start(issue)
            run = bench.send_with_workers(issue, count, script=__file__)
            with urllib.request.urlopen(url) as answer:
                taken = json.load(answer)
        assert taken["recipients"] == RECIPIENTS, f"the provider counted {taken}"
        assert taken["links"] >= RECIPIENTS, f"the provider counted {taken}"
        rate = RECIPIENTS / run.seconds
        print(
            f"{count} worker(s): {rate:.0f} recipients/s, of the floor of {FLOOR}: {bench.versus(rate / FLOOR, 1)}; "
            f"{run.processor / RECIPIENTS * 1e6:.0f} µs of processor each; {run.memory} MB per worker "
            f"(most {MOST_MEMORY}: {'kept' if run.memory <= MOST_MEMORY else 'MISSED'}); prepared in {prepared:.2f} s"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        bench.work(int(sys.argv[2]))
    else:
        main()
