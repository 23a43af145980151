"""`manage.py doctor mail`: what it finds in DNS, in a received mail, and when it sends one."""

import base64
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from subscriptions.mail_doctor import Dns, Verdict, examine_domain, examine_message, rsa_bits
from subscriptions.models import Newsletter
from tests.mailbox import Mailbox
from tests.subscriptions.dns_server import DnsServer

DOMAIN, SERVER = "meridian.example", "mx.meridian.example"
Records = dict[tuple[str, str], list[str]]


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2)
    return bytes([tag]) + length + content


def rsa_key(bits: int, *, is_bare: bool = False) -> bytes:
    """Return a key in the shape of RFC 8017 with a number of so many bits, which need be no product of primes here."""
    key = der(0x30, der(0x02, b"\x00" + ((1 << bits) - 1).to_bytes(bits // 8)) + der(0x02, b"\x01\x00\x01"))
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return key if is_bare else der(0x30, algorithm + der(0x03, b"\x00" + key))


def key_record(bits: int) -> str:
    text = "v=DKIM1; k=rsa; p=" + base64.b64encode(rsa_key(bits)).decode()
    # A string of a TXT record holds 255 bytes, so a long key stands in several.
    return " ".join(f'"{text[start : start + 255]}"' for start in range(0, len(text), 255))


def sound_records() -> Records:
    return {
        (DOMAIN, "TXT"): ['"some other record"', '"v=spf1 include:_spf.mail.example ip4:203.0.113.9 -all"'],
        (DOMAIN, "MX"): ["10 mx.meridian.example."],
        (f"_dmarc.{DOMAIN}", "TXT"): ['"v=DMARC1; p=quarantine; rua=mailto:dmarc@meridian.example"'],
        (f"k1._domainkey.{DOMAIN}", "TXT"): [key_record(2048)],
        (SERVER, "A"): ["8.8.4.4"],
        ("4.4.8.8.in-addr.arpa", "PTR"): ["mx.meridian.example."],
    }


def verdicts(records: Records, **kwargs: Any) -> dict[str, Verdict]:
    with DnsServer(records) as server:
        values = {"server": SERVER, "selectors": ["k1"], **kwargs}
        found = examine_domain(kwargs.pop("domain", DOMAIN), dns=Dns(server.address), **values)
    return {finding.about.split(" ")[0]: finding.verdict for finding in found}


@pytest.mark.parametrize("is_bare", [True, False])
@pytest.mark.parametrize("bits", [512, 1024, 2048, 4096])
def test_the_length_of_a_key_is_read(bits: int, is_bare: bool) -> None:
    assert rsa_bits(rsa_key(bits, is_bare=is_bare)) == bits


def test_a_sound_domain_is_good_all_over() -> None:
    assert verdicts(sound_records()) == dict.fromkeys(["SPF", "DKIM", "DMARC", "MX", "PTR"], Verdict.GOOD)


@pytest.mark.parametrize(
    ("name", "kind", "texts", "about", "verdict"),
    [
        (DOMAIN, "TXT", [], "SPF", Verdict.BAD),
        (DOMAIN, "TXT", ['"v=spf1 -all"', '"v=spf1 mx -all"'], "SPF", Verdict.BAD),
        (DOMAIN, "TXT", ['"v=spf1 +all"'], "SPF", Verdict.BAD),
        (DOMAIN, "TXT", ['"v=spf1 ' + "include:a.example " * 11 + '-all"'], "SPF", Verdict.BAD),
        (f"k1._domainkey.{DOMAIN}", "TXT", [], "DKIM", Verdict.BAD),
        (f"k1._domainkey.{DOMAIN}", "TXT", ['"v=DKIM1; p="'], "DKIM", Verdict.BAD),
        (f"k1._domainkey.{DOMAIN}", "TXT", ['"v=DKIM1; p=AAAA"'], "DKIM", Verdict.BAD),
        (f"k1._domainkey.{DOMAIN}", "TXT", [key_record(512)], "DKIM", Verdict.BAD),
        (f"k1._domainkey.{DOMAIN}", "TXT", [key_record(1024)], "DKIM", Verdict.DOUBTFUL),
        (f"k1._domainkey.{DOMAIN}", "TXT", ['"k=ed25519; p=AAAA"'], "DKIM", Verdict.GOOD),
        (f"_dmarc.{DOMAIN}", "TXT", [], "DMARC", Verdict.BAD),
        (f"_dmarc.{DOMAIN}", "TXT", ['"v=DMARC1; p=perhaps"'], "DMARC", Verdict.BAD),
        (f"_dmarc.{DOMAIN}", "TXT", ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"'], "DMARC", Verdict.BAD),
        (DOMAIN, "MX", [], "MX", Verdict.BAD),
        (DOMAIN, "MX", ["0 ."], "MX", Verdict.BAD),
        (SERVER, "A", [], "PTR", Verdict.BAD),
        (SERVER, "A", ["10.0.0.1"], "PTR", Verdict.UNKNOWN),
        ("4.4.8.8.in-addr.arpa", "PTR", [], "PTR", Verdict.BAD),
        ("4.4.8.8.in-addr.arpa", "PTR", ["elsewhere.example."], "PTR", Verdict.BAD),
    ],
)
def test_each_fault_is_found_and_nothing_else(
    name: str, kind: str, texts: list[str], about: str, verdict: Verdict
) -> None:
    records = {**sound_records(), (name, kind): texts}
    expected = dict.fromkeys(["SPF", "DKIM", "DMARC", "MX", "PTR"], Verdict.GOOD)

    assert verdicts(records) == {**expected, about: verdict}


def test_the_domain_above_speaks_for_a_subdomain() -> None:
    records = sound_records()
    records[f"_dmarc.{DOMAIN}", "TXT"] = ['"v=DMARC1; p=reject; sp=none"']
    with DnsServer(records) as server:
        found = examine_domain(f"letters.{DOMAIN}", dns=Dns(server.address))
    (dmarc,) = [finding for finding in found if finding.about.startswith("DMARC")]
    assert (dmarc.verdict, f"_dmarc.{DOMAIN}" in dmarc.words) == (Verdict.GOOD, True)


def test_a_name_server_that_is_away_is_no_verdict_about_the_domain() -> None:
    with DnsServer({}, fails=True) as server:
        (finding,) = examine_domain(DOMAIN, dns=Dns(server.address))
    assert finding.verdict is Verdict.UNKNOWN
    assert "DNS cannot be reached" in finding.words


def received(*, covered: str, domain: str = DOMAIN, post: str = "List-Unsubscribe=One-Click") -> bytes:
    return (
        f"DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=k1;\r\n"
        f"\th=from:to:subject:date:message-id{covered}; b=AAAA\r\n"
        f"From: The Meridian <friday@{DOMAIN}>\r\n"
        "List-Unsubscribe: <https://news.example/newsletter/unsubscribe/k1.x/>\r\n"
        f"List-Unsubscribe-Post: {post}\r\n\r\nHello\r\n"
    ).encode()


BOTH = ":\r\n\tList-Unsubscribe:List-Unsubscribe-Post"


@pytest.mark.parametrize(
    ("raw", "faults"),
    [
        (received(covered=BOTH), set()),
        (received(covered=BOTH.lower()), set()),
        (received(covered=BOTH, domain="letters.meridian.example"), set()),
        (received(covered=":List-Unsubscribe"), {"one-click unsubscribe"}),
        (received(covered=""), {"one-click unsubscribe"}),
        (received(covered=BOTH, domain="provider.example"), {"alignment"}),
        (received(covered=BOTH, post="One-Click"), {"List-Unsubscribe-Post"}),
        (received(covered=BOTH).partition(b"From:")[2], {"DKIM signature"}),
        (b"", {"List-Unsubscribe", "List-Unsubscribe-Post", "DKIM signature"}),
    ],
)
def test_a_received_mail_shows_whether_its_button_is_believed(raw: bytes, faults: set[str]) -> None:
    found = examine_message(raw)

    assert {finding.about for finding in found if finding.verdict is Verdict.BAD} == faults


def diagnose(*args: str) -> tuple[str, bool]:
    """Return what the command says, and whether it found mail from here to be in order."""
    output = StringIO()
    try:
        call_command("doctor", "mail", *args, stdout=output)
    except CommandError as error:
        return f"{output.getvalue()}{error}", False
    return output.getvalue(), True


@pytest.mark.django_db
def test_the_doctor_sends_one_mail_with_every_header(
    newsletter: Newsletter, smtp: Mailbox, settings: Any, tmp_path: Path
) -> None:
    settings.DEFAULT_FROM_EMAIL = f"The Meridian <post@{DOMAIN}>"
    source = tmp_path / "received.eml"
    source.write_bytes(received(covered=BOTH))
    with DnsServer(sound_records()) as server:
        said, is_good = diagnose("reader@example.org", "--message", str(source), "--resolver", server.address)

    (message,) = smtp.messages
    assert str(message["To"]) == "reader@example.org"
    assert str(message["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    assert "250 2.0.0 taken over" in said
    # The key's name was read from the received mail.
    assert f"DKIM key k1._domainkey.{DOMAIN}: an RSA key of 2048 bits." in said
    assert is_good


@pytest.mark.django_db
def test_the_doctor_says_what_is_wrong_and_ends_so(newsletter: Newsletter, smtp: Mailbox) -> None:
    smtp.answer_next("550 5.7.1 not from here")
    with DnsServer({(DOMAIN, "TXT"): []}) as server:
        said, is_good = diagnose("reader@example.org", "--resolver", server.address)

    assert not is_good
    assert "the mail was not taken over (refused): 550 5.7.1 not from here" in said
    assert f"SPF of {DOMAIN}: there is no record" in said


@pytest.mark.django_db
def test_the_doctor_refuses_what_it_cannot_do(newsletter: Newsletter, smtp: Mailbox) -> None:
    assert "cannot be read" in diagnose("--message", "/nowhere/mail.eml")[0]
    assert diagnose("no address")[1] is False
    newsletter.delete()
    assert "no newsletter" in diagnose("reader@example.org")[0]
    assert smtp.messages == []
