"""Domains that readers mistype, mailboxes that are gone before the first issue, and addresses of no reader."""

# The largest mailbox providers, whose names are mistyped most.
KNOWN_DOMAINS = (
    "gmail.com", "googlemail.com", "yahoo.com", "outlook.com", "hotmail.com", "live.com", "icloud.com", "aol.com",
    "proton.me", "protonmail.com", "tutanota.com", "gmx.de", "gmx.net", "web.de", "mail.ru", "yandex.ru", "rambler.ru",
    "ukr.net", "posteo.de", "fastmail.com",
)  # fmt: skip
# Mailboxes of these live for minutes or days, and many can be read by anyone who knows their name. Some readers want
# just that for their safety, so nobody is refused: the list is short and well known, and the question is asked once.
DISPOSABLE_DOMAINS = frozenset(
    {
        "10minutemail.com", "10minutemail.net", "20minutemail.com", "burnermail.io", "discard.email", "dispostable.com",
        "emailondeck.com", "fakeinbox.com", "getairmail.com", "getnada.com", "grr.la", "guerrillamail.biz",
        "guerrillamail.com", "guerrillamail.de", "guerrillamail.info", "guerrillamail.net", "guerrillamail.org",
        "guerrillamailblock.com", "inboxkitten.com", "mailcatch.com", "maildrop.cc", "mailinator.com",
        "mailinator.net", "mailnesia.com", "mintemail.com", "moakt.com", "mohmal.com", "mytemp.email", "nada.email",
        "sharklasers.com", "spam4.me", "spamgourmet.com", "temp-mail.io", "temp-mail.org", "tempail.com",
        "tempinbox.com", "tempmail.dev", "tempmailo.com", "throwawaymail.com", "trashmail.com", "trashmail.de",
        "trashmail.net", "wegwerfmail.de", "yopmail.com", "yopmail.fr", "yopmail.net",
    }
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


def is_disposable(domain: str) -> bool:
    """Say whether a domain, or the one it is a part of, gives out mailboxes that end in minutes or days."""
    return domain in DISPOSABLE_DOMAINS or domain.partition(".")[2] in DISPOSABLE_DOMAINS


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
