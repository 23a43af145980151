"""The Privacy Policy: which version binds, and that what is published never changes."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.test import Client

from newsroom.models import HistoryEntry
from subscriptions.models import PolicyText, PrivacyPolicy
from subscriptions.policies import PolicyNotReady, compare, publish, text_in_force
from tests.subscriptions.factories import NOW, make_policy

JUNE = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def versions(db: None) -> tuple[PrivacyPolicy, PrivacyPolicy, PrivacyPolicy]:
    old = make_policy(version="2026-1", texts={"en": "<h2>Who</h2><p>We keep your address.</p>", "ru": "<p>Адрес.</p>"})
    new = make_policy(
        version="2026-6", in_force_from=JUNE, texts={"en": "<h2>Who</h2><p>We keep your address and language.</p>"}
    )
    coming = make_policy(version="2027-1", in_force_from=datetime(2027, 1, 1, tzinfo=UTC))
    return old, new, coming


def test_version_in_force_follows_the_clock(versions: tuple[PrivacyPolicy, ...]) -> None:
    old, new, coming = versions
    make_policy(is_published=False, in_force_from=JUNE)
    found = [
        PrivacyPolicy.objects.in_force(at)
        for at in (old.in_force_from - timedelta(seconds=1), old.in_force_from, JUNE, NOW, coming.in_force_from)
    ]
    assert found == [None, old, new, new, coming]


def test_text_falls_back_to_another_language_of_the_same_version(versions: tuple[PrivacyPolicy, ...]) -> None:
    assert text_in_force("ru", at=JUNE - timedelta(days=1)).language == "ru"
    text = text_in_force("ru", at=NOW)
    assert (text.policy.version, text.language) == ("2026-6", "en")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE subscriptions_privacypolicy SET version = '2026-9'",
        "UPDATE subscriptions_privacypolicy SET published_at = NULL",
        "DELETE FROM subscriptions_privacypolicy",
        "UPDATE subscriptions_policytext SET title = 'Other'",
        "DELETE FROM subscriptions_policytext",
        """INSERT INTO subscriptions_policytext (policy_id, language, title, summary, body, body_hash)
        SELECT id, 'de', 'Neu', '', '', encode(sha256(''), 'hex') FROM subscriptions_privacypolicy""",
    ],
)
def test_published_version_never_changes(db: None, sql: str) -> None:
    make_policy()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_draft_may_change_and_go(db: None) -> None:
    draft = make_policy(is_published=False)
    text = draft.texts.get()
    text.body = "<p>Better.</p>"
    text.save()
    draft.delete()
    assert not PolicyText.objects.exists()


def test_hash_is_of_what_is_stored_and_scripts_are_not(db: None) -> None:
    text = make_policy(is_published=False, texts={"en": "<p>Kept. “Ж”</p><script>alert(1)</script>"}).texts.get()
    assert text.body == "<p>Kept. “Ж”</p>"
    assert text.body_hash == hashlib.sha256(text.body.encode()).hexdigest()
    with pytest.raises(IntegrityError), transaction.atomic():
        PolicyText.objects.update(body_hash="0" * 64)


def test_publishing_is_recorded_and_done_once(db: None) -> None:
    draft = make_policy(is_published=False)
    publish(draft, by=None, at=NOW)
    publish(draft, by=None, at=NOW + timedelta(days=1))
    draft.refresh_from_db()
    assert draft.published_at == NOW
    assert HistoryEntry.objects.get().action == "policy.published"


def test_policy_without_date_or_text_or_from_the_past_is_not_published(versions: tuple[PrivacyPolicy, ...]) -> None:
    undated = make_policy(is_published=False, in_force_from=None)
    untranslated = make_policy(is_published=False, in_force_from=NOW, texts={"ru": "<p>Адрес.</p>"})
    backdated = make_policy(is_published=False, in_force_from=datetime(2026, 5, 1, tzinfo=UTC))
    for draft in (undated, untranslated, backdated):
        with pytest.raises(PolicyNotReady):
            publish(draft, by=None, at=NOW)


def test_pages_show_the_current_and_former_versions(client: Client, versions: tuple[PrivacyPolicy, ...]) -> None:
    make_policy(version="draft", is_published=False)
    with time_machine.travel(NOW):
        page = client.get("/privacy/").content.decode()
        former = client.get("/privacy/2026-1/", follow=True).content.decode()
        coming = client.get("/privacy/2027-1/", follow=True).content.decode()
    assert "This is the version in force." in page
    assert "We keep your address and language." in page
    assert all(f">{version}<" in page for version in ("2026-1", "2026-6", "2027-1"))
    assert "draft" not in page
    assert "A newer version has replaced this one." in former
    assert "This version is not in force yet." in coming


@pytest.mark.parametrize("path", ["/privacy/draft/", "/privacy/draft/en/", "/privacy/none/", "/privacy/2026-6/ru/"])
def test_drafts_and_unknown_versions_are_not_found(
    client: Client, versions: tuple[PrivacyPolicy, ...], path: str
) -> None:
    make_policy(version="draft", is_published=False)
    assert client.get(path).status_code == 404


def test_changes_are_shown_block_by_block(client: Client, versions: tuple[PrivacyPolicy, ...]) -> None:
    page = client.get("/privacy/2026-6/en/changes/").content.decode()
    assert "Removed: </span>We keep your address.</del>" in page
    assert "Added: </span>We keep your address and language.</ins>" in page
    assert client.get("/privacy/2026-1/en/changes/").status_code == 404


def test_compare_leaves_out_what_is_the_same() -> None:
    old = "".join(f"<p>{number}</p>" for number in range(9))
    kinds = [line.kind for line in compare(old, old.replace("<p>4</p>", "<p>four</p>"))]
    assert kinds == ["gap", "same", "removed", "added", "same"]
    assert compare(old, old) == []
