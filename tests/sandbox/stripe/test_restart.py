"""State survives the end of the process, also a sudden one, and begins anew with a fresh file."""

from pathlib import Path

import stripe

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.shop import Shop


def start(data: Path) -> tuple[StripeSandbox, Shop]:
    sandbox = StripeSandbox(data=str(data))
    return sandbox, Shop(stripe.StripeClient("sk_test_x", base_addresses={"api": sandbox.url}), sandbox)


def test_everything_is_there_after_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "stripe" / "state.sqlite3"
    sandbox, shop = start(data)
    subscription = shop.subscription()
    waiting = shop.session()
    before = sandbox.advance(months=2)
    ledger = sandbox.ledger()
    undelivered = [one["event"] for one in sandbox.deliveries(take=False)]
    sandbox.process.kill()
    sandbox.process.wait()
    sandbox.stop()

    sandbox, shop = start(data)
    with sandbox:
        assert sandbox.ledger() == ledger
        assert abs(sandbox.now() - before) < 60
        assert [one["event"] for one in sandbox.deliveries(take=False)] == undelivered
        # The session's end has passed with the clock, and the page says so at its new address.
        assert shop.v1.checkout.sessions.retrieve(waiting.id).status == "expired"
        sandbox.advance(months=1, days=1)
        assert len(shop.v1.invoices.list({"subscription": subscription.id}).data) == 4


def test_open_session_has_its_page_under_the_new_address(tmp_path: Path) -> None:
    sandbox, shop = start(tmp_path / "state.sqlite3")
    session = shop.session()
    sandbox.stop()
    sandbox, shop = start(tmp_path / "state.sqlite3")
    with sandbox:
        url = shop.v1.checkout.sessions.retrieve(session.id).url
        assert str(url).startswith(sandbox.url)
        assert shop.pay(session).payment_status == "paid"


def test_idempotency_key_is_remembered(tmp_path: Path) -> None:
    sandbox, shop = start(tmp_path / "state.sqlite3")
    parameters = shop.parameters()
    first = shop.v1.checkout.sessions.create(parameters, {"idempotency_key": "gift:1"})
    sandbox.stop()
    sandbox, shop = start(tmp_path / "state.sqlite3")
    with sandbox:
        assert shop.v1.checkout.sessions.create(parameters, {"idempotency_key": "gift:1"}).id == first.id


def test_process_ends_with_the_test_that_started_it(tmp_path: Path) -> None:
    sandbox, _ = start(tmp_path / "state.sqlite3")
    with sandbox:
        # The pipe breaks when its other end is killed; here it is closed by hand.
        assert sandbox.process.stdin
        sandbox.process.stdin.close()
        assert sandbox.process.wait(10) == 0
