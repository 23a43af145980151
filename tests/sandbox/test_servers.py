import os
import shutil
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from sandbox.children import ProgramFailed, birth
from sandbox.folder import AlreadyRunning, Folder
from sandbox.servers import Servers, throwaway


def _server_setting(servers: Servers, name: str) -> object:
    with psycopg.connect(servers.environment["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row
    return row[0]


def test_throwaway_servers_answer_and_leave_nothing(bare_environment: dict[str, str]) -> None:
    with throwaway() as servers:
        with psycopg.connect(servers.environment["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert Redis.from_url(servers.environment["REDIS_URL"]).ping()
        assert Redis.from_url(servers.environment["CACHE_URL"]).ping()
        pids = [child.pid for child in servers.children]
        paths = [servers.folder.path, servers.folder.sockets]
    assert len(pids) == 3
    assert [birth(pid) for pid in pids] == [None] * 3
    assert not any(path.exists() for path in paths)


def test_database_is_utf8_with_the_same_order_on_every_machine(servers: Servers) -> None:
    with psycopg.connect(servers.environment["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT lower('ÆЖ'), current_setting('server_encoding'), 'a' > 'B'").fetchone()
    assert row == ("æж", "UTF8", True)


def test_product_is_no_superuser(servers: Servers) -> None:
    with psycopg.connect(servers.environment["DATABASE_URL"]) as connection:
        row = connection.execute("SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    assert row == ("newsroom", False)


def test_server_listens_on_no_network_port(servers: Servers) -> None:
    assert _server_setting(servers, "listen_addresses") == ""
    assert Redis.from_url(servers.environment["REDIS_URL"]).config_get("port") == {"port": "0"}


def test_broker_keeps_everything_and_cache_may_forget(servers: Servers) -> None:
    broker = Redis.from_url(servers.environment["REDIS_URL"]).config_get("maxmemory*")
    cache = Redis.from_url(servers.environment["CACHE_URL"]).config_get("maxmemory*")
    assert broker["maxmemory-policy"] == "noeviction"
    assert (cache["maxmemory-policy"], cache["maxmemory"]) == ("allkeys-lru", str(64 * 1024 * 1024))


def test_throwaway_servers_do_not_wait_for_the_disk(servers: Servers) -> None:
    assert _server_setting(servers, "fsync") == "off"


def test_second_start_keeps_rows_and_queued_tasks(bare_environment: dict[str, str], folder: Folder) -> None:
    with Servers(folder, durable=True).running() as servers:
        assert _server_setting(servers, "fsync") == "on"
        with psycopg.connect(servers.environment["DATABASE_OWNER_URL"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 'a row' AS words")
        Redis.from_url(servers.environment["REDIS_URL"]).set("task", "kept")
    folder.release()

    folder.claim()
    with Servers(folder, durable=True).running() as again:
        with psycopg.connect(again.environment["DATABASE_OWNER_URL"]) as connection:
            assert connection.execute("SELECT words FROM kept").fetchone() == ("a row",)
        assert Redis.from_url(again.environment["REDIS_URL"]).get("task") == b"kept"


@pytest.mark.parametrize("name", ["postgres", "broker", "cache"])
def test_killed_server_comes_back_at_the_same_address(servers: Servers, name: str) -> None:
    environment = dict(servers.environment)
    child = next(child for child in servers.children if child.program.name == name)
    child.kill()
    assert not child.is_running
    servers.restart(name)
    assert servers.environment == environment
    assert all(child.is_running for child in servers.children)
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert Redis.from_url(environment["REDIS_URL"]).ping()


def test_servers_named_in_the_environment_are_used(monkeypatch: pytest.MonkeyPatch, folder: Folder) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://database.example/newsroom")
    monkeypatch.setenv("REDIS_URL", "redis://redis.example/0")
    servers = Servers(folder, durable=True)
    servers.start()
    assert (servers.children, servers.environment) == ([], {})


def test_long_path_does_not_lengthen_the_sockets(bare_environment: dict[str, str], folder: Folder) -> None:
    deep = folder.path / ("long" * 20) / ("longer" * 20)
    deep.mkdir(parents=True)
    for path in (deep, deep.parent):
        path.chmod(0o711)
    other = Folder(deep / "sandbox")
    other.claim()
    with Servers(other, durable=False).running() as servers:
        assert all(child.is_running for child in servers.children)
    other.release()


def test_folder_has_one_owner(folder: Folder) -> None:
    with pytest.raises(AlreadyRunning, match=str(os.getpid())):
        Folder(folder.path).claim()


def test_data_of_another_version_is_left_alone(bare_environment: dict[str, str], folder: Folder) -> None:
    data = folder.path / "postgres"
    data.mkdir()
    (data / "PG_VERSION").write_text("14\n")
    with pytest.raises(ProgramFailed, match="written by PostgreSQL 14"):
        Servers(folder, durable=False).start()


def test_interrupted_first_start_is_made_anew(bare_environment: dict[str, str], folder: Folder) -> None:
    half = folder.path / "postgres.new"
    half.mkdir()
    (half / "half").touch()
    with Servers(folder, durable=False).running():
        assert not half.exists()


# Only root's server runs under another account.
@pytest.mark.where(os.geteuid() == 0)
def test_root_in_a_closed_folder_gets_programs_and_data_elsewhere(
    bare_environment: dict[str, str], tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    folder = Folder(tmp_path / "sandbox")
    folder.claim()
    with Servers(folder, durable=False).running() as servers:
        assert servers.postgres
        assert servers.postgres.is_elsewhere
    folder.release()
    shutil.rmtree(servers.postgres.data.parent)
