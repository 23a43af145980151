"""What the transport knows of each envelope, whatever the server does at whichever step."""

import ssl
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from subscriptions.clock import steady
from subscriptions.transports import Envelope, Outcome, TransportDown, Verdict
from subscriptions.transports.smtp import SmtpTransport
from subscriptions.transports.smtp_session import SmtpServer, Timeouts, with_stuffed_dots
from tests.mailbox import Mailbox
from tests.subscriptions.nasty_smtp import NastyServer, Plan

SHORT = Timeouts(connect=4.0, command=1.5, final_dot=1.5)
FAR = 3600.0


def envelopes(count: int) -> list[Envelope]:
    return [
        Envelope(
            delivery_id=number,
            sender="friday@meridian.example",
            recipient=f"reader{number}@example.org",
            message=f"Message-ID: <m{number}@x>\r\nSubject: x\r\n\r\n".encode() + b"0123456789abcdef\r\n" * 110,
        )
        for number in range(count)
    ]


def send(
    server: NastyServer, batch: Sequence[Envelope], *, connections: int = 4, seconds: float = FAR
) -> dict[int, Outcome]:
    transport = SmtpTransport(SmtpServer("127.0.0.1", server.port), connections=connections, timeouts=SHORT)
    outcomes = [one for some in transport.send(batch, deadline=steady() + seconds) for one in some]
    transport.close()
    assert sorted(one.delivery_id for one in outcomes) == sorted(one.delivery_id for one in batch)
    return {one.delivery_id: one for one in outcomes}


def verdicts(outcomes: dict[int, Outcome]) -> Counter[Verdict]:
    return Counter(one.verdict for one in outcomes.values())


def once(step: str, what: str) -> Plan:
    return lambda reached, count: what if reached == step and count == 1 else None


def each(step: str, what: str) -> Plan:
    return lambda reached, count: what if reached == step else None


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("connections", [1, 4])
def test_a_good_server_takes_every_message_once(pipelining: bool, connections: int) -> None:
    with NastyServer(pipelining=pipelining) as server:
        outcomes = send(server, envelopes(50), connections=connections)

    assert verdicts(outcomes) == {Verdict.ACCEPTED: 50}
    assert server.taken == Counter({f"<m{number}@x>": 1 for number in range(50)})
    assert server.connections == connections


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("step", ["connect", "ehlo", "mail", "rcpt", "data", "text", "after"])
def test_a_connection_lost_before_the_dot_loses_and_doubles_nobody(step: str, pipelining: bool) -> None:
    with NastyServer(once(step, "drop"), pipelining=pipelining) as server:
        outcomes = send(server, envelopes(20))

    accepted = {number for number, one in outcomes.items() if one.verdict is Verdict.ACCEPTED}
    # A small text has left whole before the server is seen to be gone, so what became of it is not known here.
    assert verdicts(outcomes)[Verdict.UNKNOWN] == (1 if step == "text" else 0)
    assert len(accepted) >= 19
    assert set(server.taken) == {f"<m{number}@x>" for number in accepted}
    assert max(server.taken.values()) == 1


@pytest.mark.parametrize("keeps_it", [True, False])
@pytest.mark.parametrize("how", ["drop", "hang"])
def test_no_answer_to_the_dot_is_unknown_for_that_message_alone(how: str, keeps_it: bool) -> None:
    with NastyServer(once("dot", how), counts_dropped=keeps_it) as server:
        outcomes = send(server, envelopes(20))

    assert verdicts(outcomes) == {Verdict.ACCEPTED: 19, Verdict.UNKNOWN: 1}
    unknown = next(number for number, one in outcomes.items() if one.verdict is Verdict.UNKNOWN)
    assert server.taken[f"<m{unknown}@x>"] == (1 if keeps_it else 0)
    assert max(server.taken.values()) == 1


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("step", "reply", "verdict"),
    [
        ("mail", "451 4.3.0 later", Verdict.DEFERRED),
        ("mail", "550 5.7.1 not you", Verdict.BLOCKED),
        ("rcpt", "450 4.2.1 busy", Verdict.DEFERRED),
        ("rcpt", "550 5.1.1 nobody", Verdict.REFUSED),
        ("data", "451 4.3.0 later", Verdict.DEFERRED),
        ("data", "554 5.5.1 no", Verdict.REFUSED),
        ("dot", "452 4.3.1 full", Verdict.DEFERRED),
        ("dot", "554 5.7.1 spam", Verdict.REFUSED),
    ],
)
def test_an_answer_is_about_its_own_message(step: str, reply: str, verdict: Verdict, pipelining: bool) -> None:
    with NastyServer(once(step, reply), pipelining=pipelining) as server:
        outcomes = send(server, envelopes(20), connections=2)

    assert verdicts(outcomes) == {Verdict.ACCEPTED: 19, verdict: 1}
    found = next(one for one in outcomes.values() if one.verdict is verdict)
    assert f"{found.code} {found.reply}" == reply
    assert server.taken == Counter(
        {f"<m{number}@x>": 1 for number, one in outcomes.items() if one.verdict is Verdict.ACCEPTED}
    )


@pytest.mark.parametrize("step", ["mail", "rcpt", "data", "dot", "after"])
def test_421_ends_the_connection_and_the_rest_goes_on(step: str) -> None:
    with NastyServer(once(step, "421 4.3.2 shutting down")) as server:
        outcomes = send(server, envelopes(20), connections=2)

    counts = verdicts(outcomes)
    assert counts[Verdict.ACCEPTED] >= 19
    assert counts[Verdict.UNKNOWN] == 0
    assert max(server.taken.values()) == 1


@pytest.mark.parametrize("step", ["connect", "ehlo", "mail", "rcpt", "data", "text"])
def test_a_server_that_always_breaks_costs_nobody_anything(step: str) -> None:
    with NastyServer(each(step, "drop")) as server:
        try:
            outcomes = send(server, envelopes(10))
        except TransportDown:
            outcomes = {}

    assert not server.taken
    allowed = {Verdict.DEFERRED, Verdict.UNTOUCHED} | ({Verdict.UNKNOWN} if step == "text" else set())
    assert set(verdicts(outcomes)) <= allowed


@pytest.mark.parametrize("step", ["rcpt", "data"])
def test_a_receivers_policy_at_421_is_about_that_reader(step: str) -> None:
    with NastyServer(once(step, "421 4.7.28 unusual rate of mail")) as server:
        outcomes = send(server, envelopes(8), connections=1)

    assert verdicts(outcomes) == {Verdict.ACCEPTED: 7, Verdict.DEFERRED: 1}
    (deferred,) = [one for one in outcomes.values() if one.verdict is Verdict.DEFERRED]
    assert deferred.reply == "4.7.28 unusual rate of mail"


def test_a_text_cut_short_on_the_way_is_surely_not_delivered() -> None:
    with NastyServer(once("text", "drop")) as server:
        large = [replace(one, message=one.message + (b"x" * 100_000 + b"\r\n") * 100) for one in envelopes(3)]
        outcomes = send(server, large, connections=1)

    assert verdicts(outcomes) == {Verdict.ACCEPTED: 2, Verdict.DEFERRED: 1}
    assert max(server.taken.values()) == 1


def test_a_silent_server_is_given_up_in_time() -> None:
    with NastyServer(each("mail", "hang")) as server:
        began = steady()
        outcomes = send(server, envelopes(3), connections=1)

    assert steady() - began < 8
    assert set(verdicts(outcomes)) <= {Verdict.DEFERRED, Verdict.UNTOUCHED}


def test_nothing_begins_after_the_deadline() -> None:
    with NastyServer() as server:
        outcomes = send(server, envelopes(10), seconds=-1.0)

    assert verdicts(outcomes) == {Verdict.UNTOUCHED: 10}
    assert not server.taken


def test_a_text_asked_for_after_the_deadline_is_untouched(caplog: pytest.LogCaptureFixture) -> None:
    def slow_at_data(step: str, count: int) -> str | None:
        if step == "data":
            time.sleep(0.4)
        return None

    with NastyServer(slow_at_data) as server:
        outcomes = send(server, envelopes(1), connections=1, seconds=0.3)

    assert verdicts(outcomes) == {Verdict.UNTOUCHED: 1}
    assert not server.taken
    assert "lost on the way" not in caplog.text


def test_a_senseless_answer_to_data_forgets_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with NastyServer(once("data", "299 how nice")) as server:
        outcomes = send(server, envelopes(3), connections=1)

    assert verdicts(outcomes) == {Verdict.ACCEPTED: 3}
    assert set(server.taken.values()) == {1}
    assert "lost on the way" not in caplog.text


def test_a_reply_that_is_not_smtp_ends_the_connection() -> None:
    with NastyServer(once("dot", "what?")) as server:
        outcomes = send(server, envelopes(5), connections=1)

    assert verdicts(outcomes)[Verdict.UNKNOWN] == 1
    assert verdicts(outcomes)[Verdict.ACCEPTED] == 4


def test_a_hostile_address_never_reaches_the_wire() -> None:
    bad = Envelope(99, "friday@meridian.example", "a@example.org>\r\nRCPT TO:<b@example.org", b"x\r\n")
    with NastyServer() as server:
        outcomes = send(server, [bad, *envelopes(1)], connections=1)

    assert outcomes[99].verdict is Verdict.REFUSED
    assert server.recipients == ["reader0@example.org"]


def test_connections_are_kept_between_windows() -> None:
    with NastyServer() as server:
        transport = SmtpTransport(SmtpServer("127.0.0.1", server.port), connections=3, timeouts=SHORT)
        for _window in range(4):
            outcomes = [one for some in transport.send(envelopes(10), deadline=steady() + FAR) for one in some]
            assert {one.verdict for one in outcomes} == {Verdict.ACCEPTED}
        transport.close()

    assert server.connections == 3


def test_no_server_is_said_before_anything_else() -> None:
    transport = SmtpTransport(SmtpServer("127.0.0.1", 1), timeouts=SHORT)
    with pytest.raises(TransportDown):
        list(transport.send(envelopes(1), deadline=steady() + FAR))


def test_a_server_without_tls_gets_no_mail_where_tls_is_asked_for() -> None:
    with NastyServer(each("mail", "250 ok")) as server:
        for security in ("starttls", "tls"):
            transport = SmtpTransport(SmtpServer("127.0.0.1", server.port, security=security), timeouts=SHORT)
            with pytest.raises((TransportDown, ssl.SSLError)):
                list(transport.send(envelopes(1), deadline=steady() + FAR))
    assert not server.taken


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of localhost that signs itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    paths = folder / "localhost.pem", folder / "localhost.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return paths


@pytest.mark.parametrize(("security", "mechanism"), [("starttls", "PLAIN"), ("tls", "LOGIN")])
def test_mail_leaves_encrypted_and_under_its_name(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, security: str, mechanism: str
) -> None:
    def login(server: Any, session: Any, envelope: Any, used: str, data: Any) -> AuthResult:
        is_right = (used, data.login, data.password) == (mechanism, b"desk", "пароль".encode())
        return AuthResult(success=is_right, handled=False)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    encryption = {"starttls": {"tls_context": context, "require_starttls": True}, "tls": {"ssl_context": context}}
    other = {"PLAIN": "LOGIN", "LOGIN": "PLAIN"}[mechanism]
    options: dict[str, Any] = {"authenticator": login, "auth_exclude_mechanism": [other]}
    with Mailbox(
        **encryption[security], **options, auth_require_tls=security == "starttls", auth_required=security == "starttls"
    ) as server:
        house = SmtpServer("localhost", server.port, security=security, username="desk", password="пароль")

        def sent(to: SmtpServer) -> Counter[Verdict]:
            transport = SmtpTransport(to, connections=2, timeouts=SHORT)
            try:
                windows = [envelopes(30), envelopes(30)]
                found = [
                    one for batch in windows for some in transport.send(batch, deadline=steady() + FAR) for one in some
                ]
                return Counter(one.verdict for one in found)
            finally:
                transport.close()

        with pytest.raises(TransportDown, match="CERTIFICATE_VERIFY_FAILED"):
            sent(house)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        with pytest.raises(TransportDown, match="535"):
            sent(replace(house, password="wrong"))
        assert not server.envelopes
        assert sent(house) == {Verdict.ACCEPTED: 60}
        assert Counter(str(one["Message-ID"]) for one in server.messages) == {f"<m{n}@x>": 2 for n in range(30)}


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (b"a\r\n.b\r\n", b"a\r\n..b\r\n"),
        (b".a\r\n", b"..a\r\n"),
        (b"a\r\n.\r\nb", b"a\r\n..\r\nb\r\n"),
    ],
)
def test_dots_that_begin_a_line_are_doubled(message: bytes, wire: bytes) -> None:
    assert with_stuffed_dots(message) == wire
