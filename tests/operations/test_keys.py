"""Each key is changed while what the old one wrote is in use: links, sessions, hashes, the ledger, codes, events.

Of the keys that `docs/operations.md` lists, PostgreSQL's passwords and Stripe's key are changed on the other side.
"""

import base64
import io
import re
from datetime import timedelta
from typing import Any, BinaryIO

import pyrage
import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.core.checks import Tags, run_checks
from django.test import Client
from django.utils import timezone

from donations.models import StripeEvent
from newsroom import backup_files, bounces, staff_secrets, tokens
from newsroom.models import SoftBounces, Suppression
from newsroom.providers import PROVIDERS
from newsroom.suppressions import is_suppressed, lift, suppress
from subscriptions import ledger, unsubscribing
from subscriptions.models import Consent
from tests.donations.signing import signature_of
from tests.staff.people import code_of, log_in, make_member
from tests.subscriptions.factories import make_newsletter, make_subscription

pytestmark = pytest.mark.django_db

ADDRESS = "reader@example.org"
NEW = {"k9": "99" * 32}


def test_links_of_old_mails_end_a_newsletter_under_a_new_key(client: Client, settings: Any) -> None:
    subscription = make_subscription()
    old = unsubscribing.token(subscription.link_id)
    settings.UNSUBSCRIBE_KEYS = NEW | settings.UNSUBSCRIBE_KEYS
    new = unsubscribing.token(subscription.link_id)
    assert (old.partition(".")[0], new.partition(".")[0]) == ("k2", "k9")
    assert unsubscribing.read(new) == unsubscribing.read(old)
    answer = client.post(f"/newsletter/unsubscribe/{old}/", {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    subscription.refresh_from_db()
    assert subscription.state == "unsubscribed"
    settings.UNSUBSCRIBE_KEYS = NEW
    with pytest.raises(unsubscribing.BadToken):
        unsubscribing.read(old)


def test_who_must_not_be_written_to_is_known_under_a_new_key(settings: Any) -> None:
    at = timezone.now()
    scope = Suppression.Scope.EVERYTHING
    suppress(ADDRESS, reason=Suppression.Reason.ERASED, scope=scope, at=at)
    bounces.heard(ADDRESS, status_code="4.2.2", at=at)
    settings.SUPPRESSION_KEYS = NEW | settings.SUPPRESSION_KEYS
    assert is_suppressed(ADDRESS, scope=scope)
    suppress(ADDRESS, reason=Suppression.Reason.ERASED, scope=scope, at=at)
    assert lift(ADDRESS, reasons=[Suppression.Reason.ERASED]) == 2
    assert not is_suppressed(ADDRESS, scope=scope)
    bounces.heard(ADDRESS, status_code="4.2.2", at=at + timedelta(days=1))
    assert list(SoftBounces.objects.values_list("count", flat=True)) == [2]


def test_the_ledger_goes_on_under_a_new_key_and_needs_the_old_one(settings: Any) -> None:
    newsletter = make_newsletter()
    make_subscription(newsletter=newsletter)
    settings.CONSENT_KEYS = NEW | settings.CONSENT_KEYS
    make_subscription(newsletter=newsletter)
    assert set(Consent.objects.values_list("key_id", flat=True)) == {"k1", "k9"}
    assert list(ledger.faults()) == []
    settings.CONSENT_KEYS = NEW
    assert "k1 is not among CONSENT_KEYS" in str(next(iter(ledger.faults())))


def test_mailed_links_and_sessions_outlive_a_new_secret_key(staff_client: Client, settings: Any) -> None:
    token = tokens.sign("purpose", "value")
    assert staff_client.get("/admin/newsroom/job/").status_code == 200
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 64, [settings.SECRET_KEY]
    assert tokens.read("purpose", token, max_age=timedelta(days=1)) == "value"
    assert tokens.read("purpose", tokens.sign("purpose", "newer"), max_age=timedelta(days=1)) == "newer"
    assert staff_client.get("/admin/newsroom/job/").status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(tokens.BadToken):
        tokens.read("purpose", token, max_age=timedelta(days=1))


def second_factor_codes(client: Client, code: str) -> int:
    log_in(client, "ana")
    return int(client.post("/admin/account/factors/log-in/", {"code": code}).status_code)


@pytest.mark.django_db(transaction=True)
def test_codes_of_the_staff_are_read_under_a_new_key_and_written_under_it_by_the_next_log_in(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = True
    member, secret, seed = make_member("ana", "Editor"), "A" * 32, "5eed" * 20
    # As they were written before there was a key.
    app = Authenticator.objects.create(user_id=member.pk, type="totp", data={"secret": secret})
    codes = Authenticator.objects.create(user_id=member.pk, type="recovery_codes", data={"seed": seed, "used_mask": 0})
    paper = codes.wrap().generate_codes()
    assert staff_secrets.keys_in_use() == {"": 2}
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for key_id, keys in (
            ("k1", settings.SECOND_FACTOR_KEYS),
            ("k9", NEW | settings.SECOND_FACTOR_KEYS),
            ("k9", NEW),
        ):
            settings.SECOND_FACTOR_KEYS = keys
            clock.shift(60)
            assert second_factor_codes(Client(), code_of(secret)) == 302
            assert staff_secrets.keys_in_use() == {key_id: 2}, "one log-in wrote both"
            app.refresh_from_db()
            assert app.data["secret"].startswith(f"{key_id}:")
            assert secret not in str(app.data)
        assert [second_factor_codes(Client(), paper[0]) for _number in range(2)] == [302, 200]
    settings.SECOND_FACTOR_KEYS = {"k10": "10" * 32}
    words = [str(fault) for fault in run_checks(tags=[Tags.database], databases=["default"])]
    assert any("newsroom.E041" in word and "SECOND_FACTOR_KEYS lacks k9" in word for word in words), words


def test_app_that_is_set_up_now_shares_nothing_readable_with_the_database() -> None:
    member, client = make_member("ana", "Editor"), Client()
    log_in(client, "ana")
    page = client.get("/admin/account/factors/app/").content.decode()
    shown = re.search(r'value="([A-Z2-7]{32})"', page)
    assert shown is not None
    assert client.post("/admin/account/factors/app/", {"code": code_of(shown[1])}).status_code == 302
    [written] = Authenticator.objects.filter(user_id=member.pk, type="totp").values_list("data", flat=True)
    assert shown[1] not in str(written)
    assert staff_secrets.keys_in_use() == {"k1": 2}


def test_whoever_shows_the_new_word_is_let_in_and_the_old_word_is_worth_nothing(client: Client, settings: Any) -> None:
    settings.MAIL_PROVIDER = PROVIDERS["postmark"]
    report = {"RecordType": "Bounce", "ID": 1, "TypeCode": 1, "Type": "HardBounce", "Email": "reader@example.org"}
    for word in ("desk:old", "desk:new"):
        settings.MAIL_WEBHOOK_SECRET = word
        settings.ANYMAIL = {"WEBHOOK_SECRET": word, "POSTMARK_SERVER_TOKEN": "token"}
        settings.METRICS_TOKEN = word
        for shown in ("desk:old", "desk:new"):
            is_right = shown == word
            basic = base64.b64encode(shown.encode()).decode()
            answer = client.post(
                "/mail/events/", report, content_type="application/json", headers={"Authorization": f"Basic {basic}"}
            )
            assert answer.status_code == (200 if is_right else 400), (word, shown)
            figures = client.get("/metrics", headers={"Authorization": f"Bearer {shown}"})
            assert (figures.status_code == 200) is is_right, (word, shown)


def test_backups_open_with_either_key_while_both_are_named_and_then_with_the_new_one_alone() -> None:
    old, new = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()

    def fill(stream: BinaryIO) -> None:
        stream.write(b"all of it")

    for named, opening in (((old,), {old}), ((old, new), {old, new}), ((new,), {new})):
        file = io.BytesIO()
        backup_files.encrypt(fill, into=file, recipients=[str(one.to_public()) for one in named])
        for identity in (old, new):
            read = bytearray()
            file.seek(0)
            try:
                backup_files.decrypt(file, identities=[str(identity)], take=lambda part: read.extend(part.read()))  # noqa: B023
            except backup_files.BadBackup:
                assert identity not in opening
            else:
                assert (bytes(read), identity in opening) == (b"all of it", True)


def test_events_arrive_while_stripe_signs_with_both_secrets(client: Client, settings: Any) -> None:
    body = b'{"id": "evt_1", "object": "event", "type": "charge.updated", "created": 1795000000, "livemode": false}'
    old, new = "whsec_old", "whsec_new"
    moment, first = signature_of(body, old).split(",")
    both = f"{moment},{first},{signature_of(body, new, at=int(moment[2:])).split(',')[1]}"
    answers = []
    for secret, signature in ((old, both), (new, both), (new, f"{moment},{first}")):
        settings.STRIPE_WEBHOOK_SECRET = secret
        response = client.post(
            "/stripe/webhook/", body, content_type="application/json", headers={"Stripe-Signature": signature}
        )
        answers.append(response.status_code)
    assert answers == [200, 200, 400]
    assert StripeEvent.objects.count() == 1
