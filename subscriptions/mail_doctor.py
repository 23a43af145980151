"""Whether mail from this house will be believed: what the sender's domain says in DNS, and what a received mail shows.

Every finding says what was looked at, whether it is well, and what to do. Nothing here judges by guessing: where DNS
cannot be reached or a key's name is not known, that is said.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr
from enum import StrEnum

import dns.exception
import dns.rdatatype
import dns.resolver
import dns.reversename

# RFC 7208 section 4.6.4: a record that makes the receiver ask more often than this is an error.
MOST_SPF_LOOKUPS = 10
SPF_LOOKUPS = re.compile(r"^[+?~-]?(include:|a$|a[:/]|mx$|mx[:/]|ptr|exists:)|^redirect=")
ONE_CLICK = ("list-unsubscribe", "list-unsubscribe-post")
SECONDS = 5.0


class Verdict(StrEnum):
    GOOD = "good"
    DOUBTFUL = "look at this"
    BAD = "wrong"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class Finding:
    about: str
    verdict: Verdict
    words: str

    def __str__(self) -> str:
        return f"{self.verdict:>12}  {self.about}: {self.words}"


class DnsAway(Exception):
    """No name server answered, so nothing is known."""


class Dns:
    """Questions to DNS. A name without such a record has no answers; a server that is away raises DnsAway."""

    def __init__(self, server: str = "") -> None:
        host, _colon, port = server.partition(":")
        try:
            self._resolver = dns.resolver.Resolver(configure=not server)
        except dns.resolver.NoResolverConfiguration as error:
            raise DnsAway("this machine names no resolver") from error
        if server:
            self._resolver.nameservers, self._resolver.port = [host], int(port or 53)
        self._resolver.lifetime = SECONDS

    def ask(self, name: str, kind: str) -> list[str]:
        try:
            answer = self._resolver.resolve(name, kind, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise DnsAway(type(error).__name__) from error
        if kind == "TXT":
            return [b"".join(row.strings).decode("utf-8", "replace") for row in answer]
        return [row.to_text().rstrip(".") for row in answer]

    def reverse(self, address: str) -> list[str]:
        return self.ask(dns.reversename.from_address(address).to_text(), "PTR")


def examine_domain(domain: str, *, dns: Dns, server: str = "", selectors: Sequence[str] = ()) -> list[Finding]:
    """Read what a sender's domain says about its mail, and the name of the server that hands it over."""
    try:
        return [
            _spf(domain, dns),
            *_dkim(domain, selectors, dns),
            _dmarc(domain, dns),
            _mx(domain, dns),
            *_pointers(server, dns),
        ]
    except DnsAway as error:
        return [
            Finding(domain, Verdict.UNKNOWN, f"DNS cannot be reached from here ({error}), so nothing was looked up.")
        ]


def _spf(domain: str, dns: Dns) -> Finding:
    about = f"SPF of {domain}"
    records = [text for text in dns.ask(domain, "TXT") if text.lower().split(" ")[0] == "v=spf1"]
    if not records:
        return Finding(about, Verdict.BAD, "there is no record. Add a TXT record that names the mail server.")
    if len(records) > 1:
        return Finding(about, Verdict.BAD, "there are several records, which counts as none (RFC 7208 section 4.5).")
    terms = records[0].lower().split()[1:]
    lookups = sum(1 for term in terms if SPF_LOOKUPS.match(term))
    if lookups > MOST_SPF_LOOKUPS:
        return Finding(about, Verdict.BAD, f"it asks {lookups} further questions; {MOST_SPF_LOOKUPS} are allowed.")
    if "+all" in terms or "all" in terms:
        return Finding(about, Verdict.BAD, "it lets everybody send in your name (+all).")
    return Finding(about, Verdict.GOOD, records[0])


def _dkim(domain: str, selectors: Sequence[str], dns: Dns) -> Iterator[Finding]:
    if not selectors:
        words = "the key's name is not known here. Give --selector, or a received mail with --message."
        yield Finding(f"DKIM of {domain}", Verdict.UNKNOWN, words)
    for selector in selectors:
        yield _key(selector, domain, dns)


def _key(selector: str, domain: str, dns: Dns) -> Finding:
    about = f"DKIM key {selector}._domainkey.{domain}"
    records = dns.ask(f"{selector}._domainkey.{domain}", "TXT")
    if not records:
        return Finding(about, Verdict.BAD, "there is no record of this name.")
    tags = tags_of(records[0])
    if not tags.get("p"):
        return Finding(about, Verdict.BAD, "the key was revoked: p= is empty.")
    if tags.get("k", "rsa") != "rsa":
        return Finding(about, Verdict.GOOD, f"a key of the kind {tags['k']}.")
    try:
        bits = rsa_bits(base64.b64decode(tags["p"], validate=True))
    except (binascii.Error, ValueError, IndexError):
        return Finding(about, Verdict.BAD, "p= holds no RSA key that can be read.")
    if bits < 1024:
        return Finding(about, Verdict.BAD, f"the key has {bits} bits; receivers ignore it.")
    if bits < 2048:
        return Finding(about, Verdict.DOUBTFUL, f"the key has {bits} bits; 2048 are asked for by now.")
    return Finding(about, Verdict.GOOD, f"an RSA key of {bits} bits.")


def _dmarc(domain: str, dns: Dns) -> Finding:
    """Look at the domain, and at those above it, which speak for it (RFC 7489 section 6.6.3)."""
    labels = domain.split(".")
    for start in range(max(1, len(labels) - 1)):
        name = ".".join(labels[start:])
        records = [text for text in dns.ask(f"_dmarc.{name}", "TXT") if text.lower().startswith("v=dmarc1")]
        if len(records) > 1:
            return Finding(
                f"DMARC of {domain}", Verdict.BAD, f"_dmarc.{name} has several records, which count as none."
            )
        if records:
            tags = tags_of(records[0])
            policy = tags.get("sp", tags.get("p", "")) if start else tags.get("p", "")
            if policy not in {"none", "quarantine", "reject"}:
                return Finding(f"DMARC of {domain}", Verdict.BAD, f"_dmarc.{name} names no policy: {records[0]}")
            return Finding(f"DMARC of {domain}", Verdict.GOOD, f"{records[0]} (at _dmarc.{name})")
    words = f"there is no record. Add v=DMARC1; p=none at _dmarc.{domain}, at least."
    return Finding(f"DMARC of {domain}", Verdict.BAD, words)


def _mx(domain: str, dns: Dns) -> Finding:
    about = f"MX of {domain}"
    hosts = dns.ask(domain, "MX")
    # RFC 7505: a single dot in place of a host's name, which is gone by here.
    if any(len(host.split()) < 2 for host in hosts):
        return Finding(about, Verdict.BAD, "it says that the domain takes no mail, so bounces and answers are lost.")
    if not hosts:
        return Finding(about, Verdict.BAD, "there is none, so bounces and answers are lost.")
    return Finding(about, Verdict.GOOD, ", ".join(sorted(hosts)))


def _pointers(server: str, dns: Dns) -> Iterator[Finding]:
    """See that each address of the mail server has a name, and that the name leads back (Gmail's 4.7.23)."""
    if not server:
        words = "the provider answers for the addresses that it sends from."
        yield Finding("PTR", Verdict.GOOD, words)
        return
    try:
        addresses = [str(ipaddress.ip_address(server))]
    except ValueError:
        addresses = [*dns.ask(server, "A"), *dns.ask(server, "AAAA")]
    if not addresses:
        yield Finding(f"PTR of {server}", Verdict.BAD, "the mail server's name has no address.")
    for address in addresses:
        about = f"PTR of {server} ({address})"
        if not ipaddress.ip_address(address).is_global:
            yield Finding(
                about, Verdict.UNKNOWN, "this address is not on the Internet; look at the one mail leaves from."
            )
            continue
        names = dns.reverse(address)
        kind = "AAAA" if ":" in address else "A"
        proven = [name for name in names if address in dns.ask(name, kind)]
        if proven:
            yield Finding(about, Verdict.GOOD, f"{proven[0]}, and it leads back.")
        elif names:
            yield Finding(about, Verdict.BAD, f"{names[0]} does not lead back to the address.")
        else:
            yield Finding(about, Verdict.BAD, "there is none.")


def examine_message(raw: bytes) -> list[Finding]:
    """Read a mail as it was received: whether its signature covers what one-click unsubscribe needs (RFC 8058)."""
    message = message_from_bytes(raw)
    return [*_one_click(message), *_signatures(message)]


def selectors_in(raw: bytes, *, domain: str) -> list[str]:
    """Return the names of the keys that a received mail was signed with in the domain's name."""
    signatures = map(tags_of, message_from_bytes(raw).get_all("DKIM-Signature", []))
    return [tags["s"] for tags in signatures if tags.get("d", "").lower() == domain and tags.get("s")]


def _one_click(message: Message) -> Iterator[Finding]:
    link = " ".join(str(message.get("List-Unsubscribe", "")).split())
    https = re.findall(r"<(https://[^>]+)>", link)
    if len(https) != 1:
        words = f"it needs exactly one https address, and has {len(https)}." if link else "the header is missing."
        yield Finding("List-Unsubscribe", Verdict.BAD, words)
    else:
        yield Finding("List-Unsubscribe", Verdict.GOOD, "one https address.")
    post = str(message.get("List-Unsubscribe-Post", "")).strip()
    is_right = post == "List-Unsubscribe=One-Click"
    words = "as RFC 8058 wants it." if is_right else f"it must read List-Unsubscribe=One-Click, and reads {post!r}."
    yield Finding("List-Unsubscribe-Post", Verdict.GOOD if is_right else Verdict.BAD, words)


def _signatures(message: Message) -> Iterator[Finding]:
    signatures = [tags_of(str(value)) for value in message.get_all("DKIM-Signature", [])]
    if not signatures:
        yield Finding("DKIM signature", Verdict.BAD, "the mail has none. The mail server or provider has to sign.")
        return
    sender = parseaddr(str(message.get("From", "")))[1].rpartition("@")[2].lower()
    covering, aligned = [], []
    for tags in signatures:
        covered = {name.strip().lower() for name in tags.get("h", "").split(":")}
        by = tags.get("d", "").lower()
        missing = [name for name in ONE_CLICK if name not in covered]
        if missing:
            words = f"h= leaves out {' and '.join(missing)}, so mail programs do not trust the one-click button by it."
            yield Finding(f"DKIM signature of {by}", Verdict.DOUBTFUL, words)
        else:
            covering.append(by)
            yield Finding(f"DKIM signature of {by}", Verdict.GOOD, "h= covers both headers of one-click unsubscribe.")
        if by and (sender == by or sender.endswith(f".{by}") or by.endswith(f".{sender}")):
            aligned.append(by)
    if not covering:
        yield Finding("one-click unsubscribe", Verdict.BAD, "no signature covers its headers (RFC 8058 section 3.1).")
    if not aligned:
        words = f"no signature is by the domain of From ({sender}), so DMARC cannot rest on DKIM."
        yield Finding("alignment", Verdict.BAD, words)


def tags_of(text: str) -> dict[str, str]:
    """Return the tags of a DKIM or DMARC record, without the white space that folding left in them."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): "".join(value.split()) for name, equals, value in pairs if equals}


def rsa_bits(key: bytes) -> int:
    """Return the length of an RSA key from its DER (RFC 8017 appendix A.1.1), bare or as SubjectPublicKeyInfo.

    Raises ValueError or IndexError for anything else.
    """
    inner = _der(key, 0x30)[0]
    if inner[0] == 0x30:
        # The algorithm's name, then the key itself as a string of bits, of which the first byte counts unused ones.
        inner = _der(_der(_der(inner, 0x30)[1], 0x03)[0][1:], 0x30)[0]
    return int.from_bytes(_der(inner, 0x02)[0]).bit_length()


def _der(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the DER element at the front, which must carry `tag`, and what follows it."""
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start])
    if data[0] != tag or len(data) < start + length:
        raise ValueError("no such DER element")
    return data[start : start + length], data[start + length :]
