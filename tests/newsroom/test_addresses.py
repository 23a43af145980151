from typing import Any

import pytest

from newsroom.addresses import InvalidAddress, address_hash, address_hashes, normalise_email


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("Reader@Example.ORG", "reader@example.org"),
        ("  reader+news@example.org ", "reader+news@example.org"),
        ("r.e.a.d.e.r@gmail.com", "r.e.a.d.e.r@gmail.com"),
        ("reader@пример.рф", "reader@xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_spellings_of_one_address_are_one(typed: str, normal: str) -> None:
    assert normalise_email(typed) == normal
    assert normalise_email(normal) == normal


@pytest.mark.parametrize(
    "typed", ["", "reader", "reader@", "a@b@example.org", "reader@example.org\nBcc: x@y.org", "читатель@example.org"]
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(InvalidAddress):
        normalise_email(typed)


def test_hash_depends_on_the_key_and_tells_its_id(settings: Any) -> None:
    settings.SUPPRESSION_KEYS = {"k1": "11" * 32}
    old = address_hash("reader@example.org")
    settings.SUPPRESSION_KEYS = {"k2": "22" * 32, "k1": "11" * 32}
    assert address_hash("reader@example.org").startswith("k2:")
    assert old in address_hashes("reader@example.org")
    assert len(set(address_hashes("reader@example.org"))) == 2
