"""The file of a backup: a tar stream under age, that can be made and read without a second copy on any disk.

The database's dump has no known length while it is made, so it lies in the stream as numbered pieces; media follow one
by one; the manifest comes last, and names every part with its length and SHA-256. What was not read to its manifest was
not read.
"""

import hashlib
import io
import json
import os
import re
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import pyrage

FORMAT = 1
PIECE_BYTES = 8 * 1024 * 1024
DUMP, MEDIA, MANIFEST = "database", "media", "manifest.json"
NAME = re.compile(r"newsroom-(\d{8}T\d{6}Z)\.backup\.age")


class BadBackup(Exception):
    """The file is no backup of this product, was cut or changed, or none of the keys opens it."""


@dataclass
class Manifest:
    """What a backup says of itself."""

    made_at: str
    version: str
    programs: str
    migrations: dict[str, str] = field(default_factory=dict)
    ledger: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def began_at(self) -> datetime:
        return datetime.fromisoformat(self.made_at)

    @property
    def media_files(self) -> int:
        return sum(1 for name in self.parts if name.startswith(f"{MEDIA}/"))

    @property
    def content_bytes(self) -> int:
        return sum(part["bytes"] for part in self.parts.values())


def file_name(at: datetime) -> str:
    return f"newsroom-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}.backup.age"


class Hashed(io.RawIOBase):
    """A file that is written, with the SHA-256 and the length of what went into it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.length = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._file.write(data)
        self.digest.update(data)
        self.length += len(data)
        return len(data)


class Packer:
    """Puts parts into the tar stream and keeps count of them."""

    def __init__(self, stream: BinaryIO) -> None:
        self._tar = tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed below.
        self.parts: dict[str, dict[str, Any]] = {}

    def add_stream(self, name: str, source: BinaryIO) -> None:
        """Add what a program writes, in pieces."""
        digest, length, number = hashlib.sha256(), 0, 0
        while piece := source.read(PIECE_BYTES):
            self._member(f"{name}/{number:06}", piece)
            digest.update(piece)
            length, number = length + len(piece), number + 1
        self.parts[name] = {"bytes": length, "sha256": digest.hexdigest()}

    def add_bytes(self, name: str, content: bytes) -> None:
        self._member(name, content)
        self.parts[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    def close(self, manifest: Manifest) -> None:
        manifest.parts = self.parts
        self._member(MANIFEST, json.dumps(asdict(manifest), sort_keys=True).encode())
        self._tar.close()

    def abandon(self) -> None:
        """Write no more, not even the archive's end: what has no manifest is no backup."""
        cast(Any, self._tar.fileobj).closed = True

    def _member(self, name: str, content: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), 0o600
        self._tar.addfile(info, io.BytesIO(content))


def encrypt(fill: Callable[[BinaryIO], None], *, into: BinaryIO, recipients: list[str]) -> None:
    """Encrypt what `fill` writes to the recipients' public keys, as it is written. Raises what `fill` raises."""
    keys = [pyrage.x25519.Recipient.from_str(text) for text in recipients]
    _through_pipe(fill, lambda reader: pyrage.encrypt_io(reader, into, keys))


def decrypt(source: BinaryIO, *, identities: list[str], take: Callable[[BinaryIO], None]) -> None:
    """Decrypt a file into `take`, as it is read. Raises BadBackup."""
    keys = [pyrage.x25519.Identity.from_str(text) for text in identities]

    def fill(writer: BinaryIO) -> None:
        try:
            pyrage.decrypt_io(source, writer, keys)
        except (pyrage.DecryptError, OSError) as error:
            raise BadBackup("none of the keys opens it, or it was cut or changed") from error

    _through_pipe(fill, take)


def _through_pipe(fill: Callable[[BinaryIO], None], drain: Callable[[BinaryIO], object]) -> None:
    """Run `fill` in a thread of its own and `drain` here, with a pipe between them."""
    reading, writing = os.pipe()
    failures: list[BaseException] = []

    def filling() -> None:
        try:
            with open(writing, "wb", closefd=True) as writer:  # noqa: PTH123 - a descriptor has no path.
                fill(writer)
        except BrokenPipeError:
            # Nobody reads any more, for a reason that is raised on the other side.
            pass
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread.
            failures.append(error)

    thread = threading.Thread(target=filling)
    thread.start()
    try:
        with open(reading, "rb", closefd=True) as reader:  # noqa: PTH123 - as above.
            drain(reader)
            # Whatever padding is left must be read, or the other side could not end.
            while reader.read(PIECE_BYTES):
                pass
    except BaseException as error:  # noqa: BLE001 - raised again once the other side has ended.
        thread.join()
        raise failures[0] if failures else error from None
    thread.join()
    if failures:
        raise failures[0]


def members(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each member of a decrypted stream. Raises BadBackup."""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as tar:
            for info in tar:
                _require_safe(info)
                file = cast(BinaryIO, tar.extractfile(info))
                yield info.name, file.read()
    except (tarfile.TarError, EOFError) as error:
        raise BadBackup("its content is no archive, or ends too early") from error


def _require_safe(info: tarfile.TarInfo) -> None:
    """Refuse whatever a stranger's archive could use to write elsewhere."""
    path = PurePosixPath(info.name)
    known = path.parts[:1] in {(DUMP,), (MEDIA,), (MANIFEST,)}
    if not info.isreg() or path.is_absolute() or ".." in path.parts or not known:
        raise BadBackup("it holds a part that no backup of this product has")


class Reader:
    """Takes the members of a stream one by one, and compares them with the manifest at the end."""

    def __init__(self) -> None:
        self._digests: dict[str, Any] = {}
        self._lengths: dict[str, int] = {}
        self.manifest: Manifest | None = None

    def take(self, stream: BinaryIO, handle: Callable[[str, bytes], None] = lambda name, content: None) -> None:
        """Read to the end; `handle` gets every piece of the dump under its name, and every media file."""
        for name, content in members(stream):
            if name == MANIFEST:
                self.manifest = Manifest(**json.loads(content))
                continue
            part = DUMP if name.startswith(f"{DUMP}/") else name
            self._digests.setdefault(part, hashlib.sha256()).update(content)
            self._lengths[part] = self._lengths.get(part, 0) + len(content)
            handle(part, content)

    def verified(self) -> Manifest:
        """Return the manifest that every part agrees with. Raises BadBackup."""
        if self.manifest is None:
            raise BadBackup("it has no manifest, so it was cut")
        if self.manifest.format != FORMAT:
            raise BadBackup(f"it is of format {self.manifest.format}, and this version reads {FORMAT}")
        found = {
            name: {"bytes": self._lengths[name], "sha256": digest.hexdigest()} for name, digest in self._digests.items()
        }
        if found != self.manifest.parts or DUMP not in found:
            raise BadBackup("its parts are not those that its manifest names")
        return self.manifest


def check(path: Path, *, identities: list[str]) -> Manifest:
    """Decrypt a whole backup, compare it with its manifest, and return that. Raises BadBackup."""
    reader = Reader()
    with path.open("rb") as file:
        decrypt(file, identities=identities, take=reader.take)
    return reader.verified()


def read_identities(path: Path) -> list[str]:
    """Read the private keys of a file as `age-keygen` writes it. Raises BadBackup."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    keys = [line for line in lines if line.startswith("AGE-SECRET-KEY-")]
    if not keys:
        raise BadBackup(f"{path.name} holds no private key of age")
    return keys
