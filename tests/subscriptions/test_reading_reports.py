"""What mail systems report, in the forms in which they do, and how heavily a code weighs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from newsroom import bounces
from subscriptions.bounce_messages import reports_in
from tests.subscriptions import bounce_samples as samples
from tests.subscriptions.factories import NOW

KEY = "0123456789abcdef0123456789abcdef"
PIECES = st.sampled_from([b"\r\n", b"\r\n\r\n", b"--", b": ", b"=?x?b?"])


@pytest.mark.parametrize(
    ("code", "weight"),
    [
        ("5.1.1", "hard"),
        ("5.1.10", "hard"),
        ("5.2.1", "hard"),
        ("5.4.4", "hard"),
        ("5.7.13", "hard"),
        ("5.2.2", "soft"),
        ("4.2.2", "soft"),
        ("4.1.1", "soft"),
        ("4.4.7", "soft"),
        ("5.0.0", "soft"),
        ("5.4.1", "soft"),
        ("", "soft"),
        ("5.7.1", "house"),
        ("5.7.515", "house"),
        ("4.7.28", "house"),
        ("5.6.0", "house"),
        ("5.3.4", "house"),
        ("5.1.8", "house"),
        ("2.0.0", "house"),
    ],
)
def test_a_failure_is_weighed_by_its_code(code: str, weight: str) -> None:
    assert bounces.weigh(code) == weight


@pytest.mark.parametrize(
    ("make", "kind", "code"),
    [
        (samples.postfix, "bounced", "5.1.1"),
        (samples.exchange, "bounced", "5.1.10"),
        (samples.gmail, "bounced", "5.2.2"),
        (samples.sendmail, "bounced", "5.2.1"),
        (lambda key: samples.postfix(key, action="delayed", status="4.4.1"), "deferred", "4.4.1"),
        (lambda key: samples.postfix(key, action="delivered", status="2.1.5"), "delivered", "2.1.5"),
        (samples.yahoo_complaint, "complained", ""),
    ],
)
def test_reports_of_real_mail_systems_are_read(make: Callable[[str], bytes], kind: str, code: str) -> None:
    (report,) = reports_in(make(KEY), received_at=timezone.now())

    assert (report.key, report.kind, report.status_code) == (KEY, kind, code)
    assert report.event_id


def test_a_report_in_words_is_read_where_each_mail_has_its_own_return_address(settings: Any) -> None:
    assert reports_in(samples.qmail(KEY), received_at=NOW) == []

    settings.BOUNCE_ADDRESS = "bounces@letters.example"

    (report,) = reports_in(samples.qmail(KEY), received_at=NOW)
    assert (report.key, report.kind, report.status_code) == (KEY, "bounced", "5.1.1")


@pytest.mark.parametrize(
    "raw",
    [
        samples.holiday_reply(KEY),
        samples.yahoo_complaint(KEY, feedback="not-spam"),
        samples.yahoo_complaint(KEY, feedback="auth-failure"),
        samples.postfix("not-one-of-our-names"),
        b"",
        b"\x00\xff\xfe",
    ],
)
def test_what_is_no_report_about_a_mail_of_ours_is_none(raw: bytes) -> None:
    assert reports_in(raw, received_at=NOW) == []


@given(
    data=st.data(),
    sample=st.sampled_from([samples.postfix, samples.exchange, samples.gmail, samples.yahoo_complaint, samples.qmail]),
)
@hypothesis_settings(max_examples=150, deadline=None)
def test_a_broken_report_breaks_nothing(data: st.DataObject, sample: Callable[[str], bytes]) -> None:
    raw = bytearray(sample(KEY))
    for _number in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(len(raw), start + 200)))
        raw[start:end] = data.draw(
            st.binary(max_size=30) | st.sampled_from([b"\r\n", b"\r\n\r\n", b"--", b": ", b"=?x?b?"])
        )

    for report in reports_in(bytes(raw), received_at=NOW):
        assert bounces.KEY.fullmatch(report.key)
        assert report.happened_at <= NOW
        assert len(report.status_code) <= 20
