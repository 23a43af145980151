from pathlib import Path

import pytest

from sandbox.environment import kept_secrets, read_values, sandbox_values, with_database_number, write_values

PORTS = {"web": 8000, "mail": 8025, "smtp": 1025, "stripe": 8421}


def test_secrets_are_random_kept_and_private(tmp_path: Path) -> None:
    first = kept_secrets(tmp_path / "secrets")
    assert first == kept_secrets(tmp_path / "secrets")
    assert first != kept_secrets(tmp_path / "others")
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o600


def test_secret_that_an_older_file_lacks_is_added(tmp_path: Path) -> None:
    write_values(tmp_path / "secrets", {"SECRET_KEY": "old"})
    secrets = kept_secrets(tmp_path / "secrets")
    assert secrets["SECRET_KEY"] == "old"
    assert read_values(tmp_path / "secrets") == secrets


def test_sandbox_stripe_is_named_when_no_account_is(bare_environment: dict[str, str], tmp_path: Path) -> None:
    values = sandbox_values(tmp_path, PORTS, {})
    assert values["STRIPE_API_BASE"] == values["STRIPE_PAGE_ORIGINS"] == "http://127.0.0.1:8421"
    assert values["STRIPE_SANDBOX_DATA"] == str(tmp_path / "stripe" / "state.sqlite3")


def test_own_stripe_account_is_left_alone(
    bare_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("STRIPE_API_BASE", "STRIPE_PAGE_ORIGINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_test_own")
    values = sandbox_values(tmp_path, PORTS, {})
    assert values["STRIPE_SECRET_KEY"] == "sk_test_own"
    assert not {"STRIPE_API_BASE", "STRIPE_PAGE_ORIGINS", "STRIPE_SANDBOX_DATA", "STRIPE_WEBHOOK_SECRET"} & set(values)


def test_variable_that_is_set_wins(
    bare_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EMAIL_URL", "smtps://provider.example")
    assert sandbox_values(tmp_path, PORTS, {})["EMAIL_URL"] == "smtps://provider.example"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("unix:///run/broker.sock?db=0", "unix:///run/broker.sock?db=3"),
        ("unix:///run/broker.sock", "unix:///run/broker.sock?db=3"),
        ("redis://user:pw@host:6379/0", "redis://user:pw@host:6379/3"),
        ("redis://host", "redis://host/3"),
    ],
)
def test_redis_address_with_another_database(url: str, expected: str) -> None:
    assert with_database_number(url, 3) == expected
