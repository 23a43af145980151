"""Domains that readers mistype, and addresses that belong to no reader."""

# The largest mailbox providers, whose names are mistyped most.
KNOWN_DOMAINS = (
    "gmail.com", "googlemail.com", "yahoo.com", "outlook.com", "hotmail.com", "live.com", "icloud.com", "aol.com",
    "proton.me", "protonmail.com", "tutanota.com", "gmx.de", "gmx.net", "web.de", "mail.ru", "yandex.ru", "rambler.ru",
    "ukr.net", "posteo.de", "fastmail.com",
)  # fmt: skip
# Mail to these comes back, or starts a complaint about us (RFC 2142).
ROLES_WITHOUT_A_READER = frozenset(
    {"abuse", "postmaster", "hostmaster", "mailer-daemon", "noreply", "no-reply", "donotreply", "bounce", "bounces"}
)


def likely_domain(domain: str) -> str:
    """Return the known domain that is one slip of the fingers away, or ''."""
    if domain in KNOWN_DOMAINS:
        return ""
    near = [known for known in KNOWN_DOMAINS if _is_one_slip(domain, known)]
    return near[0] if len(near) == 1 else ""


def is_role_without_reader(address: str) -> bool:
    return address.partition("@")[0] in ROLES_WITHOUT_A_READER


def _is_one_slip(written: str, meant: str) -> bool:
    """Say whether one letter too many, too few or wrong, or two swapped, lie between two words."""
    if abs(len(written) - len(meant)) > 1 or written == meant:
        return False
    start = 0
    while start < min(len(written), len(meant)) and written[start] == meant[start]:
        start += 1
    rest, other = written[start:], meant[start:]
    is_swap = len(rest) > 1 and len(other) > 1 and rest[:2] == other[1::-1] and rest[2:] == other[2:]
    return rest[1:] == other[1:] or rest[1:] == other or rest == other[1:] or is_swap
