"""Start the sandbox's Stripe for a test, and steer it."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
JSON = {"Content-Type": "application/json"}
READY = "listening on "


class Refused(Exception):
    """The sandbox refused a control request, with the error that it answered."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message", ""))
        self.error = error


class StripeSandbox:
    """A sandbox process and its control API. Use it as a context manager, or call `stop()`.

    `url` is the API's base address: `stripe.StripeClient("sk_test_…", base_addresses={"api": sandbox.url})`.
    Without a `webhook_url` nothing is sent, and `deliveries()` hands the signed webhooks to the test.
    """

    def __init__(
        self,
        *,
        data: str = ":memory:",
        webhook_url: str = "",
        webhook_secret: str = "whsec_test",  # noqa: S107
        after_advance: str = "",
        port: int = 0,
        public_url: str = "",
    ) -> None:
        self.webhook_secret = webhook_secret
        command = [sys.executable, "-m", "sandbox.stripe", "--port", str(port), "--data", data, "--until-stdin-ends"]
        # The secret goes by the environment: a process's arguments are there for everyone to read.
        own = {"WEBHOOK_URL": webhook_url, "WEBHOOK_SECRET": webhook_secret, "AFTER_ADVANCE": after_advance}
        own["PUBLIC_URL"] = public_url
        environment = os.environ | {f"STRIPE_SANDBOX_{name}": value for name, value in own.items()}
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, **pipes)
        assert self.process.stdout is not None  # noqa: S101
        line = self.process.stdout.readline()
        if not line.startswith(READY):
            self.stop()
            raise RuntimeError(f"The sandbox did not start; it said {line!r}.")
        self.url = line.removeprefix(READY).strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def control(self, name: str, /, **given: Any) -> Any:
        """Post to the control API and return what it answers."""
        return self._call(f"/_control/{name}", json.dumps(given).encode())

    def _call(self, path: str, body: bytes | None = None) -> Any:
        request = urllib.request.Request(self.url + path, data=body, headers=JSON)  # noqa: S310
        try:
            with contextlib.closing(urllib.request.urlopen(request, timeout=60)) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with contextlib.closing(error):
                raise Refused(json.load(error)["error"]) from None

    def pay(self, session_id: str, /, card: str = "4242424242424242", **details: Any) -> dict[str, Any]:
        """Pay a session as its hosted page would.

        Returns `{"session": …, "error": …}`; `error` is what the page would show. Details: `iban`, `exp_month`,
        `exp_year`, `cvc`, `country`, `name`, `email`, and `three_d_secure` ("complete" or "fail").
        """
        answer: dict[str, Any] = self.control("pay", session=session_id, card=card, **details)
        return answer

    def advance(self, *, days: int = 0, months: int = 0, seconds: int = 0) -> int:
        """Move the sandbox's clock forward, and return its new time."""
        return int(self.control("advance", days=days, months=months, seconds=seconds)["now"])

    def begin_in_the_past(self, at: int) -> None:
        """Set the clock of an empty sandbox back to a moment."""
        self.control("begin-in-the-past", at=at)

    def return_to_present(self) -> None:
        """Advance a clock that was set back to the real time."""
        self.control("return-to-present")

    def state(self) -> dict[str, Any]:
        """Return the clock, the mode, the ordered faults, and the idempotency keys of requests under way."""
        answer: dict[str, Any] = self._call("/_control/state")
        return answer

    def now(self) -> int:
        """Return the time on the sandbox's clock."""
        return int(self.state()["now"])

    def mode(self, webhooks: str | None = None, **given: Any) -> dict[str, Any]:
        """Change how webhooks are delivered and which requests go wrong.

        `webhooks` is normal, duplicated, reordered, delayed, dropped or bad_signatures, with `delay_seconds` and
        `seed`. `rate_limit`, `refuse`, `server_error`, `error_after`, `slow` and `lose_answer` say how many of the
        next requests go wrong, with `seconds`, and `method` and `path` to choose them.
        """
        answer: dict[str, Any] = self.control("mode", **({"webhooks": webhooks} if webhooks else {}), **given)
        return answer

    def deliveries(self, *, take: bool = True, everything: bool = True) -> list[dict[str, Any]]:
        """Return the webhooks that wait to be delivered: `type`, `body` and `headers` of each, in their order.

        With `take` they count as delivered; `everything` includes those whose time has not come.
        """
        found: list[dict[str, Any]] = self._call(f"/_control/deliveries?all={int(everything)}")["data"]
        if take and found:
            self.control("deliveries", ids=[delivery["id"] for delivery in found], succeeded=True)
        return found

    def events(self) -> list[dict[str, Any]]:
        """Return every event so far, oldest first, also those that the API does not list any more."""
        found: list[dict[str, Any]] = self._call("/_control/events")["data"]
        return found

    def ledger(self) -> dict[str, Any]:
        """Return every movement of money and the state of all that can move money."""
        answer: dict[str, Any] = self._call("/_control/ledger")
        return answer

    def refund(self, *, charge: str = "", payment_intent: str = "", **details: Any) -> dict[str, Any]:
        """Refund a charge as somebody would in Stripe's dashboard."""
        answer: dict[str, Any] = self.control("refund", charge=charge, payment_intent=payment_intent, **details)
        return answer

    def dispute(self, *, charge: str = "", payment_intent: str = "", reason: str = "fraudulent") -> dict[str, Any]:
        """Open a dispute on a charge."""
        answer: dict[str, Any] = self.control("dispute", charge=charge, payment_intent=payment_intent, reason=reason)
        return answer

    def decide(self, dispute: str, outcome: str) -> dict[str, Any]:
        """End a dispute: `won` or `lost`."""
        answer: dict[str, Any] = self.control("dispute", dispute=dispute, outcome=outcome)
        return answer

    def fail_next(self, subscription: str, *, code: str = "insufficient_funds", times: int = 1) -> None:
        """Have the next attempts to collect a subscription's invoices refused."""
        self.control("fail-next", subscription=subscription, code=code, times=times)

    def settle(self, payment_intent: str = "", outcome: str = "") -> list[str]:
        """Let the bank answer a debit (or all): `succeeded`, `failed`, or what its test account says."""
        settled: list[str] = self.control("settle", payment_intent=payment_intent, outcome=outcome)["payment_intents"]
        return settled

    def change_card(self, customer: str, card: str = "4242424242424242", **details: Any) -> dict[str, Any]:
        """Give a customer a new default card, as the portal's page does."""
        answer: dict[str, Any] = self.control("change-card", customer=customer, card=card, **details)
        return answer

    def reset(self) -> None:
        """Forget everything and bring the clock back to the real time."""
        self.control("reset")
