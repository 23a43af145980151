"""How many webhooks a second are verified, stored and answered, how many events a worker applies, and at what cost.

Run by `make bench`, or alone:  python -m sandbox run -- python bench/webhooks.py
Requests go over HTTP to the production server's command on loopback; the worker is Celery's, with one process, and asks
the sandbox's Stripe about each event's object. Everything is measured twice in one run, with 1,000 and with 100,000
payments in the books. Processor time is printed beside each rate, because it hardly depends on what else runs here.
"""

import http.client
import json
import os
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402
from redis import Redis  # noqa: E402

from bench._bulk import empty, make_payments  # noqa: E402
from donations.models import CheckoutSession, Payment, StripeEvent  # noqa: E402
from sandbox.children import Child, Program, ProgramFailed  # noqa: E402
from sandbox.ports import HOST, free_port  # noqa: E402
from sandbox.programs import accepts, product  # noqa: E402
from sandbox.stripe.testing import StripeSandbox  # noqa: E402
from tests.donations.signing import signature_of  # noqa: E402

SIZES = (1_000, 100_000)
REQUESTS = int(os.environ.get("BENCH_WEBHOOKS", "3000"))
GIFTS = int(os.environ.get("BENCH_GIFTS", "100"))
CONNECTIONS = 8
# As long as a real one: a shorter one is refused when the site starts.
SECRET = f"whsec_{'b' * 32}"
SINK = Path(__file__).resolve().with_name("_smtp_sink.py")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Figures:
    """What was measured with so many payments stored."""

    answered: float
    answer_cpu: float
    applied: float
    apply_cpu: float
    events: int


def processor_seconds(pid: int) -> float:
    """Return what a process and its children have used so far."""
    used, parents = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        number = int(path.parent.name)
        parents[number], used[number] = int(fields[1]), (int(fields[11]) + int(fields[12])) / TICKS
    family = {pid}
    while grown := {number for number, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(used.get(number, 0.0) for number in family)


def give(sandbox: StripeSandbox, count: int) -> None:
    """Have so many readers give, through the site's own form and the sandbox's page."""
    client = Client()
    for number in range(count):
        attempt_key = uuid.uuid4()
        values = {"frequency": "once", "amount": "2000", "currency": "USD", "email": f"{attempt_key.hex}@example.org"}
        address = f"10.1.{number >> 8}.{number & 255}"
        response = client.post(f"/support/{attempt_key}/", values, REMOTE_ADDR=address)
        assert response.status_code == 303, response.content.decode()
        sandbox.pay(str(CheckoutSession.objects.get(donation__attempt_key=attempt_key).stripe_id))


def post_all(address: str, bodies: list[bytes]) -> float:
    """Post every body as a signed webhook over a few connections at once, and return the seconds it took."""
    parts = urlsplit(address)
    waiting, refused = iter(bodies), []
    lock = threading.Lock()

    def send() -> None:
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
        while True:
            with lock:
                body = next(waiting, None)
            if body is None:
                connection.close()
                return
            headers = {"Content-Type": "application/json", "Stripe-Signature": signature_of(body, SECRET)}
            connection.request("POST", parts.path, body, headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                refused.append(answer.status)

    threads = [threading.Thread(target=send) for _number in range(CONNECTIONS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not refused, f"{len(refused)} webhooks were not answered with 200"
    return time.perf_counter() - began


def measure(size: int, sandbox: StripeSandbox, web: Child, worker: Program) -> Figures:
    empty()
    sandbox.reset()
    make_payments(size)
    give(sandbox, GIFTS)
    real = [delivery["body"].encode() for delivery in sandbox.deliveries()]
    # Of a kind that nobody applies, under ids of their own; the first of them warm the server up.
    other = json.loads(real[0]) | {"type": "customer.created"}
    new = [json.dumps(other | {"id": f"evt_bench{number}"}).encode() for number in range(REQUESTS + 200)]
    address = web.program.environment["SITE_URL"] + "/stripe/webhook/"
    post_all(address, new[REQUESTS:])
    used = processor_seconds(web.pid)
    seconds = post_all(address, new[:REQUESTS])
    answered, answer_cpu = REQUESTS / seconds, (processor_seconds(web.pid) - used) / REQUESTS
    made_up = StripeEvent.objects.filter(stripe_id__startswith="evt_bench")
    assert made_up.count() == len(new), "not every event was stored once"
    made_up.delete()
    Redis.from_url(settings.REDIS_URL).flushdb()

    start, before = timezone.now(), Payment.objects.count()
    post_all(address, real)
    waiting = StripeEvent.objects.filter(state=StripeEvent.State.RECEIVED)
    with started(worker) as child:
        # Its start is not what is measured.
        while waiting.count() > len(real) - 20:
            time.sleep(0.02)
        began, left, used = time.perf_counter(), waiting.count(), processor_seconds(child.pid)
        while waiting.exists():
            time.sleep(0.02)
        seconds, apply_cpu = time.perf_counter() - began, (processor_seconds(child.pid) - used) / left
    ends = Counter(StripeEvent.objects.filter(received_at__gt=start).values_list("type", "state", "reason"))
    assert Payment.objects.count() == before + GIFTS, f"not every gift is in the books: {ends}"
    return Figures(answered, answer_cpu, left / seconds, apply_cpu, len(real))


@contextmanager
def started(program: Program) -> Iterator[Child]:
    """Run a program while the block runs; what it wrote is shown if it does not come up."""
    with tempfile.TemporaryFile() as output:
        child = Child(program, output)
        try:
            child.wait_until_ready()
        except ProgramFailed:
            output.seek(0)
            print(output.read().decode(errors="replace"), file=sys.stderr)
            raise
        else:
            yield child
        finally:
            child.kill()


def main() -> None:
    call_command("migrate", verbosity=0)
    port, smtp = free_port(), free_port()
    sink = Program(
        name="sink",
        command=(sys.executable, str(SINK), str(smtp)),
        environment=os.environ,
        folder=SINK.parent,
        is_ready=accepts(smtp),
    )
    with StripeSandbox(webhook_secret=SECRET) as sandbox, started(sink):
        own = {
            "STRIPE_API_BASE": sandbox.url,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "SITE_URL": f"http://{HOST}:{port}",
            # The gifts are made by this process, under the host of its own settings.
            "EXTRA_HOSTS": str(settings.SITE_HOST),
            "EMAIL_URL": f"smtp://{HOST}:{smtp}",
        }
        settings.STRIPE_API_BASE = sandbox.url
        programs = {one.name: one for one in product(os.environ | own, {"web": port}, SINK.parent)}
        worker = replace(programs["worker"], command=(*programs["worker"].command, "--concurrency", "1"))
        with started(programs["web"]) as web:
            few, many = (measure(size, sandbox, web, worker) for size in SIZES)
    for size, figures in zip(SIZES, (few, many), strict=True):
        print(
            f"{size:7} payments stored: {figures.answered:.0f} webhooks/s verified, stored and answered, "
            f"{figures.answer_cpu * 1e3:.2f} ms of processor each; one worker applied {figures.applied:.1f} events/s "
            f"of {figures.events}, {figures.apply_cpu * 1e3:.1f} ms of processor each"
        )
    print(
        f"{SIZES[1]} payments cost {many.answer_cpu / few.answer_cpu:.2f} times the processor of {SIZES[0]} for each "
        f"webhook, and {many.apply_cpu / few.apply_cpu:.2f} times for each event; "
        f"in time {few.answered / many.answered:.2f} and {few.applied / many.applied:.2f} times"
    )


if __name__ == "__main__":
    main()
