"""Encode a text for mail once, leaving slots into which each reader's token is put as bytes.

Everything comes out as 7-bit lines of at most 76 characters, so that no relay rewrites the message on its way and
breaks the DKIM signature over it (RFC 6376 section 5.3). A slot is never split by a line break of the encoding, and
never shares a base64 quantum with a part that is encoded beforehand.
"""

import binascii
from dataclasses import dataclass

# RFC 2045 section 6.7: a line of quoted-printable has at most 76 characters, the soft break's "=" included.
QUOTED_LINE = 75
# 57 bytes make a line of 76 characters of base64.
BASE64_LINE = 57


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one value. `head` and `tail` are the bytes beside it that share its base64 quanta."""

    is_base64: bool = False
    head: bytes = b""
    tail: bytes = b""

    def fill(self, value: bytes) -> bytes:
        """Return the encoded value. It is ASCII without "=" and begins with no dot, so quoting leaves it as it is."""
        if not self.is_base64:
            return value
        raw = self.head + value + self.tail
        lines = [
            binascii.b2a_base64(raw[start : start + BASE64_LINE], newline=False)
            for start in range(0, len(raw), BASE64_LINE)
        ]
        return b"\r\n".join(lines) + b"\r\n"


Segments = list[bytes | Slot]


def encode(text: str, *, marker: str, value_length: int) -> tuple[str, Segments]:
    """Encode a text in whichever way makes it shorter, and return the encoding's name and the segments.

    Each occurrence of `marker` becomes a slot for a value of `value_length` bytes.
    """
    pieces = [piece.encode() for piece in _with_crlf(text).split(marker)]
    quoted = _quoted_printable(pieces, value_length)
    encoded = _base64(pieces, value_length)
    if encoded is None or _size(quoted) <= _size(encoded):
        return "quoted-printable", quoted
    return "base64", encoded


def _with_crlf(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return (text if text.endswith("\n") else text + "\n").replace("\n", "\r\n")


def _size(segments: Segments) -> int:
    return sum(len(segment) for segment in segments if isinstance(segment, bytes))


def _quoted_printable(pieces: list[bytes], value_length: int) -> Segments:
    """Put each value on a line of its own between soft breaks, which a decoder takes out again."""
    if value_length > QUOTED_LINE:
        raise ValueError("the value does not fit on one line")
    segments: Segments = []
    for number, piece in enumerate(pieces):
        if number:
            segments.append(Slot())
            segments.append(b"=\r\n")
        quoted = quote(piece)
        is_last = number == len(pieces) - 1
        segments.append(quoted if is_last or not quoted or quoted.endswith(b"\r\n") else quoted + b"=\r\n")
    return segments


def quote(text: bytes) -> bytes:
    """Return quoted-printable in which no line begins with a dot or with "From ", which transports may alter."""
    return b"\r\n".join(_quoted_line(line) for line in text.split(b"\r\n"))


def _quoted_line(line: bytes) -> bytes:
    out: list[bytes] = []
    length = 0
    last = len(line) - 1
    for position, byte in enumerate(line):
        begins_line = length == 0
        is_plain = 33 <= byte <= 126 and byte != 0x3D
        is_inner_space = byte in b" \t" and position != last
        must_hide = begins_line and (byte == 0x2E or line[position : position + 5] == b"From ")
        symbol = bytes((byte,)) if (is_plain or is_inner_space) and not must_hide else b"=%02X" % byte
        if length + len(symbol) > QUOTED_LINE:
            out.append(b"=\r\n")
            length = 0
            if symbol == b".":
                symbol = b"=2E"
        out.append(symbol)
        length += len(symbol)
    return b"".join(out)


def _base64(pieces: list[bytes], value_length: int) -> Segments | None:
    """Encode what lies between the slots; None when two slots stand too close to be told apart."""
    segments: Segments = []
    # Bytes of the piece that already went into the slot before it, and the position in the decoded stream modulo 3.
    position = 0
    start = 0
    for number, piece in enumerate(pieces):
        is_last = number == len(pieces) - 1
        end = len(piece) if is_last else len(piece) - (position + len(piece)) % 3
        if end < start:
            return None
        segments.append(_base64_lines(piece[start:end]))
        if is_last:
            break
        following = pieces[number + 1]
        position += len(piece) + value_length
        start = -position % 3
        if len(following) < start:
            return None
        segments.append(Slot(is_base64=True, head=piece[end:], tail=following[:start]))
    return segments


def _base64_lines(raw: bytes) -> bytes:
    return b"".join(
        binascii.b2a_base64(raw[start : start + BASE64_LINE], newline=False) + b"\r\n"
        for start in range(0, len(raw), BASE64_LINE)
    )
