"""No line of any log names a reader, opens anything, or tells where somebody was."""

import logging
import re
import uuid
from typing import Any

import pytest
from django.utils import timezone

from donations import keeping, notices, reconcile
from donations.models import Donation, Payment, RecurringGift
from newsroom.models import OutgoingMail
from tests.donations.living import enter
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db

NETWORK = "203.0.113.77"


def test_a_gifts_whole_life_leaves_no_address_token_or_ip_in_any_log(
    reader: Reader, send_mail_now: Any, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reader.client.defaults["REMOTE_ADDR"] = NETWORK
    words = {"email": "olga.secret@example.org", "name": "Olga Shcherbakova", "note": "for my brother"}
    gift = RecurringGift.objects.get(donation=reader.give(frequency="monthly", amount="500", **words))
    donor = gift.donation.donor
    assert donor is not None
    once = reader.give(email=words["email"], amount="3000")
    enter(reader, donor)
    used = OutgoingMail.objects.get(template="gift_link").context["url"]
    reader.client.post(used)
    reader.client.post(f"/support/mine/{gift.pk}/amount/", {"amount": "7"})
    reader.client.post(f"/support/mine/{gift.pk}/amount/", {"amount": words["email"]})
    reader.sandbox.fail_next(gift.stripe_id, times=20)
    reader.sandbox.advance(months=1, days=1)
    reader.sandbox.mode(server_error=2)
    reader.webhooks(times=2, shuffle=3)
    reader.tick()
    keeping.refund(once.payments.get(), amount=100, key=uuid.uuid4(), by=None, reason="asked", at=timezone.now())
    reader.client.post("/support/mine/export/")
    away = settings.STRIPE_API_BASE
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"
    assert reader.client.post(f"/support/mine/{gift.pk}/amount/", {"amount": "8"}).status_code == 503
    abandoned = uuid.uuid4()
    reader.submit(abandoned, **words)
    reader.tick()
    settings.STRIPE_API_BASE = away
    reader.sandbox.mode(refuse=1, method="POST", path="/v1/checkout/sessions")
    reader.submit(uuid.uuid4(), **words)
    reader.client.post(f"/support/mine/{gift.pk}/cancel/")
    reader.webhooks(times=2, shuffle=1)
    notices.queue_due_notices(at=timezone.now())
    reconcile.nightly(at=timezone.now())
    send_mail_now()
    cookie = reader.client.cookies["donor"].value
    assert "You are erased" in reader.client.post("/support/mine/erase/").content.decode()
    reader.tick()

    assert Payment.objects.count() == 2
    # The server that takes the mails here is the tests' own, and says who connects.
    told = "\n".join(
        record.getMessage() + (record.exc_text or "") for record in caplog.records if record.name != "mail.log"
    )
    assert "Stripe made no session for donation" in told, "something was told, so this looks at real lines"
    token = re.findall(r"link/([^/]+)/", used)[0]
    keys = [str(key) for key in Donation.objects.values_list("attempt_key", flat=True)]
    secrets = [*words.values(), "olga", NETWORK, token, cookie, str(abandoned), *keys, "whsec_", "sk_test_"]
    assert [one for one in secrets if one.lower() in told.lower()] == [], told
    assert re.findall(r"[\w.+-]+@[\w-]+\.\w+", told) == []
