"""What the tests of giving share: amount rules, and the sandbox's Stripe as a process of its own."""

import pytest

from tests.donations.factories import make_amount_rules


@pytest.fixture
def amounts(db: None) -> None:
    make_amount_rules()
