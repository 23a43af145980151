"""A private PostgreSQL server on a Unix socket."""

import hashlib
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from sandbox.children import Account, Program, ProgramFailed, command_line, run_to_end, stop_stranger
from sandbox.folder import Folder
from sandbox.postgres_programs import ROOT_HOME, can_enter, find_programs, root_home, server_account, usable_programs

PORT = 5432
SUPERUSER = "postgres"
NAME = "newsroom"
OWNER = "newsroom_owner"
STOP_SECONDS = 20

# Nothing the server writes may name a reader: no values in details, no statements.
QUIET = {
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# For data that nobody misses after a power cut.
THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def server_environment() -> dict[str, str]:
    """Return this environment without libpq's variables, which would redirect or change an embedded server's tools."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C"}


def data_home(folder: Folder, account: Account | None) -> Path:
    """Return where the database's files live: in the folder, or for root's server where its account can reach them."""
    if can_enter(folder.path, account):
        return folder.path
    return ROOT_HOME / f"data-{hashlib.sha256(bytes(folder.path)).hexdigest()[:12]}"


@dataclass(frozen=True, kw_only=True)
class Postgres:
    programs: Path
    version: int
    data: Path
    sockets: Path
    account: Account | None
    durable: bool

    @classmethod
    def in_folder(cls, folder: Folder, *, durable: bool) -> "Postgres":
        account = server_account()
        programs, version = find_programs()
        home = data_home(folder, account)
        if home != folder.path:
            root_home()
            home.mkdir(mode=0o711, exist_ok=True)
        sockets = folder.sockets / "pg"
        sockets.mkdir(mode=0o700)
        if account is not None:
            os.chown(sockets, account.uid, account.gid)
        return cls(
            programs=usable_programs(programs, account),
            version=version,
            data=home / "postgres",
            sockets=sockets,
            account=account,
            durable=durable,
        )

    @property
    def is_elsewhere(self) -> bool:
        """Whether the files are outside the project because the server's account cannot enter it."""
        return self.data.is_relative_to(ROOT_HOME)

    def prepare(self) -> None:
        """Make the data folder when it is new, and remove what a killed server left in it."""
        if not self.data.exists():
            self._initialise()
        found = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if int(found) != self.version:
            raise ProgramFailed(
                f"{self.data} was written by PostgreSQL {found}, and the one found here is {self.version}. "
                "Install the older one again, or remove the folder to start with new data."
            )
        self._clear_stale_lock()

    def _initialise(self) -> None:
        # Made under another name, so that a start that is interrupted half-way leaves nothing that looks complete.
        new = self.data.with_name("postgres.new")
        if new.exists():
            shutil.rmtree(new)
        new.mkdir(mode=0o700)
        if self.account is not None:
            os.chown(new, self.account.uid, self.account.gid)
        # Version 17 brought a C.UTF-8 of its own, the same on every machine, and the C library's no longer matters.
        locale: tuple[str, ...] = ("--locale=C.UTF-8",)
        if self.version >= 17:
            locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
        options = ("--auth=trust", "--encoding=UTF8", *locale, f"--username={SUPERUSER}")
        run_to_end(
            self._run("initdb", "-D", str(new), *options, *(() if self.durable else ("--no-sync",)), name="initdb")
        )
        new.rename(self.data)

    def _clear_stale_lock(self) -> None:
        """End a server that outlived its killed parent, and remove the lock of one that is gone.

        PostgreSQL itself takes any living process with the remembered id for a server of its own, and then refuses to
        start; after a reboot or in a fresh container that process is a stranger.
        """
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text(encoding="utf-8").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        if str(self.data) in command_line(pid):
            stop_stranger(pid, stop_signal=signal.SIGINT, grace=STOP_SECONDS)
        lock.unlink(missing_ok=True)

    def program(self) -> Program:
        settings = QUIET if self.durable else QUIET | THROWAWAY
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        options = ("-D", str(self.data), "-h", "", "-k", str(self.sockets), "-p", str(PORT), *words)
        return self._run("postgres", *options, name="postgres")

    def _run(self, program: str, *options: str, name: str) -> Program:
        return Program(
            name=name,
            command=(str(self.programs / program), *options),
            environment=server_environment(),
            folder=Path("/"),
            account=self.account,
            # SIGINT is the fast shutdown: connections are cut, transactions rolled back, files closed cleanly.
            stop_signal=signal.SIGINT,
            grace=STOP_SECONDS,
            is_ready=self.is_ready,
        )

    def is_ready(self) -> bool:
        try:
            self.connect(SUPERUSER).close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.sockets), port=PORT, user=SUPERUSER, dbname=database, connect_timeout=5, autocommit=True
        )

    def create_database(self) -> None:
        """Make the product's two roles and its database where they are missing.

        Neither role is a superuser, and the product's own does not own its tables, so that a privilege which production
        would lack is missed here as well. In throw-away servers the product's role may become the owner, and the owner
        may suspend triggers: tests have to empty tables that refuse it.
        """
        names = {"name": sql.Identifier(NAME), "owner": sql.Identifier(OWNER)}
        with self.connect(SUPERUSER) as connection:
            for role, rights in ((OWNER, "CREATEDB CREATEROLE"), (NAME, "NOINHERIT")):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN {}").format(sql.Identifier(role), sql.SQL(rights)))
            if not self.durable:
                connection.execute(
                    sql.SQL("GRANT SET ON PARAMETER session_replication_role TO {owner}").format(**names)
                )
                connection.execute(sql.SQL("GRANT {owner} TO {name}").format(**names))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {name} OWNER {owner}").format(**names))
                return
        self._hand_over(names)

    def _hand_over(self, names: dict[str, sql.Identifier]) -> None:
        """Give the owner what an earlier version of the sandbox let the product's own role own."""
        with self.connect(SUPERUSER) as connection:
            connection.execute(sql.SQL("ALTER DATABASE {name} OWNER TO {owner}").format(**names))
            connection.execute(sql.SQL("ALTER ROLE {name} NOCREATEDB NOCREATEROLE NOINHERIT").format(**names))
        with self.connect(NAME) as connection:
            connection.execute(sql.SQL("REASSIGN OWNED BY {name} TO {owner}").format(**names))

    def url(self, role: str = NAME) -> str:
        return f"postgresql://{role}@/{NAME}?host={quote(str(self.sockets), safe='')}&port={PORT}"
