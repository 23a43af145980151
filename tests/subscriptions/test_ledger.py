"""The consent ledger: nobody changes a row by the database's own rules, and no tampering below them stays unseen."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, InternalError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subscriptions import ledger
from subscriptions.models import Consent, ConsentHead
from tests.owner import become_owner, stop_being_owner
from tests.subscriptions.factories import NOW

FIELDS = [field.column for field in Consent._meta.concrete_fields if field.name != "position"]


def entry(number: int = 1, **changes: Any) -> ledger.Entry:
    return ledger.Entry(
        **{
            "subject": uuid4(),
            "purpose": "newsletter:friday",
            "action": "granted",
            "method": "form",
            "at": NOW + timedelta(seconds=number, microseconds=number),
            "policy_version": "2026-1",
            "policy_hash": "ab" * 32,
            "wording": f"Send me № {number} “every Friday”.",
            "language": "en",
            "page": "/a-story/",
            **changes,
        }
    )


@pytest.fixture
def rows(db: None) -> list[Consent]:
    return ledger.append([entry(number) for number in range(1, 9)])


def tamper(sql: str, *params: object) -> None:
    """Change the table as someone would who owns the database but not the keys."""
    with connection.cursor() as cursor:
        become_owner(cursor)
        cursor.execute(sql, params)
        stop_being_owner(cursor)


def test_positions_are_gapless_and_each_row_follows_the_one_before(rows: list[Consent]) -> None:
    more = ledger.append([entry(9)])
    chain = [*rows, *more]
    assert [row.position for row in chain] == list(range(1, 10))
    assert [row.previous_hash for row in chain] == [ledger.GENESIS_HASH, *(row.row_hash for row in chain[:-1])]
    assert not list(ledger.faults())


def test_rolled_back_change_leaves_no_gap(rows: list[Consent]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        ledger.append([entry(9)])
        raise RuntimeError
    assert ledger.append([entry(10)])[0].position == 9
    assert not list(ledger.faults())


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE subscriptions_consent SET wording = 'other' WHERE position = 3",
        "DELETE FROM subscriptions_consent WHERE position = 3",
        "TRUNCATE subscriptions_consent",
        "UPDATE subscriptions_consenthead SET position = 2",
        "DELETE FROM subscriptions_consenthead",
    ],
)
def test_triggers_refuse_to_change_facts_even_to_their_owner(rows: list[Consent], sql: str) -> None:
    with pytest.raises((IntegrityError, InternalError)), transaction.atomic(), connection.cursor() as cursor:
        become_owner(cursor, are_triggers_suspended=False)
        cursor.execute(sql)
    assert not list(ledger.faults())
    assert Consent.objects.count() == 8


@settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_every_single_row_tampering_is_found(rows: list[Consent], data: st.DataObject) -> None:
    position = data.draw(st.integers(1, 8))
    savepoint = transaction.savepoint()
    try:
        how = data.draw(st.sampled_from(["change", "delete", "insert", "swap", "cut"]))
        expected = {position}
        if how == "change":
            column = data.draw(st.sampled_from(FIELDS))
            expected |= {position + 1}
            _change(column, position)
        elif how == "delete":
            tamper("DELETE FROM subscriptions_consent WHERE position = %s", position)
        elif how == "cut":
            tamper("DELETE FROM subscriptions_consent WHERE position >= %s", position)
        elif how == "insert":
            expected = {9}
            tamper(
                f"INSERT INTO subscriptions_consent SELECT 9, {', '.join(FIELDS)} "  # noqa: S608 - the model's columns.
                "FROM subscriptions_consent WHERE position = %s",
                position,
            )
        else:
            other = data.draw(st.integers(1, 8).filter(lambda number: number != position))
            expected = {position, other}
            tamper(
                "UPDATE subscriptions_consent SET position = 1000 + CASE position WHEN %s THEN %s ELSE %s END "
                "WHERE position IN (%s, %s)",
                position, other, position, position, other,
            )  # fmt: skip
            tamper("UPDATE subscriptions_consent SET position = position - 1000 WHERE position > 1000")
        found = list(ledger.faults(limit=100))
        assert found
        assert found[0].position in expected
    finally:
        transaction.savepoint_rollback(savepoint)
    assert not list(ledger.faults())


def _change(column: str, position: int) -> None:
    changed = {
        "subject": "gen_random_uuid()",
        "at": "at + interval '1 microsecond'",
        "action": "CASE action WHEN 'granted' THEN 'confirmed' ELSE 'granted' END",
    }.get(column, f"{column} || 'x'")
    if column in {"row_hash", "previous_hash", "policy_hash"}:
        changed = f"overlay({column} placing CASE substr({column}, 5, 1) WHEN 'a' THEN 'b' ELSE 'a' END from 5 for 1)"
    sql = f"UPDATE subscriptions_consent SET {column} = {changed} WHERE position = %s"  # noqa: S608 - the model's columns.
    tamper(sql, position)


def test_tail_cut_together_with_its_head_is_consistent_and_needs_the_anchor(rows: list[Consent]) -> None:
    """What the chain alone cannot show; the position written elsewhere each day can."""
    tamper("DELETE FROM subscriptions_consent WHERE position > 6")
    tamper("UPDATE subscriptions_consenthead SET position = 6, row_hash = %s", rows[5].row_hash)
    assert not list(ledger.faults())


def test_row_forged_without_the_key_is_found(rows: list[Consent], settings: Any) -> None:
    true_keys = settings.CONSENT_KEYS
    key_id = next(iter(true_keys))
    settings.CONSENT_KEYS = {key_id: "00" * 32}
    forged = ledger.append([entry(9)])
    settings.CONSENT_KEYS = true_keys
    assert [fault.position for fault in ledger.faults()] == [forged[0].position]


def test_rows_under_a_former_key_still_hold(rows: list[Consent], settings: Any) -> None:
    settings.CONSENT_KEYS = {"k9": "cd" * 32, **settings.CONSENT_KEYS}
    assert ledger.append([entry(9)])[0].key_id == "k9"
    assert not list(ledger.faults())


@pytest.mark.parametrize("lost", ["policy_version", "policy_hash", "wording"])
def test_grant_without_proof_is_refused_by_the_database(db: None, lost: str) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.append([entry(**{lost: ""})])


def test_staff_must_give_a_reason(db: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ledger.append([entry(method="staff")])


@pytest.mark.django_db(transaction=True)
def test_append_outside_a_transaction_is_refused() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        ledger.append([entry()])


def test_command_says_that_it_holds_or_where_it_breaks(rows: list[Consent]) -> None:
    out, err = StringIO(), StringIO()
    call_command("verify_consent", stdout=out)
    assert "holds: 8 rows" in out.getvalue()
    tamper("UPDATE subscriptions_consent SET page = '/other/' WHERE position = 5")
    with pytest.raises(CommandError):
        call_command("verify_consent", stdout=out, stderr=err)
    assert "position 5: the row was changed" in err.getvalue()


def test_verifying_needs_the_same_few_queries_for_any_length(
    rows: list[Consent], django_assert_num_queries: Callable[..., Any]
) -> None:
    ledger.append([entry(number) for number in range(9, 200)])
    with django_assert_num_queries(5):
        assert not list(ledger.faults())
    assert ConsentHead.objects.get().position == 199
