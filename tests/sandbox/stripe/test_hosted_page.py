"""The hosted checkout page, as a browser without JavaScript lives it."""

import pytest

from sandbox.stripe.testing import StripeSandbox
from tests.sandbox.stripe.browser import Browser
from tests.sandbox.stripe.shop import VISA, Shop


@pytest.fixture
def visitor(sandbox: StripeSandbox) -> Browser:
    return Browser(sandbox.url)


def test_page_shows_the_sum_the_item_and_the_readers_email(shop: Shop, visitor: Browser) -> None:
    page = visitor.open(str(shop.session(amount=123_450).url))
    for words in ("$1,234.50", "A gift", 'value="reader@example.org" readonly', "http://news.example/support/"):
        assert words in page
    assert "<script" not in page
    assert "script-src" not in visitor.headers["Content-Security-Policy"]
    assert "default-src 'none'" in visitor.headers["Content-Security-Policy"]


def test_paying_leads_back_with_the_sessions_id(shop: Shop, visitor: Browser) -> None:
    session = shop.session()
    visitor.open(str(session.url))
    visitor.submit(number=VISA, name="Ada")
    assert visitor.left_for == f"http://news.example/thanks/?session={session.id}"
    assert shop.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ("4000000000000002", "Your card was declined."),
        ("4000000000009995", "Your card has insufficient funds."),
        ("4000000000000069", "Your card has expired."),
        ("4242424242424241", "Your card number is incorrect."),
    ],
)
def test_decline_stays_on_the_page_with_its_reason_and_what_was_typed(
    shop: Shop, visitor: Browser, card: str, words: str
) -> None:
    visitor.open(str(shop.session().url))
    page = visitor.submit(number=card, name="Ada Lovelace")
    assert f'role="alert">{words}</p>' in page
    assert 'value="Ada Lovelace"' in page
    visitor.submit(number=VISA)
    assert visitor.left_for.startswith("http://news.example/thanks/")


@pytest.mark.parametrize(
    ("expiry", "words"), [("", "incomplete"), ("13/30", "month is invalid"), ("01/20", "year is invalid")]
)
def test_wrong_expiry_is_said(shop: Shop, visitor: Browser, expiry: str, words: str) -> None:
    visitor.open(str(shop.session().url))
    assert words in visitor.submit(number=VISA, expiry=expiry)


def test_three_d_secure_asks_on_a_page_of_its_own(shop: Shop, visitor: Browser) -> None:
    session = shop.session()
    visitor.open(str(session.url))
    page = visitor.submit(number="4000000000003220")
    assert "/c/authenticate/pi_" in visitor.address
    assert "$10.00" in page
    page = visitor.submit(result="fail")
    assert "unable to authenticate" in page
    visitor.submit(number="4000000000003220")
    visitor.submit(result="complete")
    assert visitor.left_for == f"http://news.example/thanks/?session={session.id}"


def test_typed_email_is_the_customers(shop: Shop, visitor: Browser) -> None:
    session = shop.session("subscription", customer_email=None)
    page = visitor.open(str(session.url))
    assert "readonly" not in page
    visitor.submit(number=VISA, email="typed@example.org")
    session = shop.v1.checkout.sessions.retrieve(session.id)
    assert shop.v1.customers.retrieve(str(session.customer)).email == "typed@example.org"


def test_country_of_the_card_can_be_chosen(shop: Shop, visitor: Browser) -> None:
    visitor.open(str(shop.session().url))
    visitor.submit(number=VISA, country="BY")
    (charge,) = shop.v1.charges.list().data
    assert charge.payment_method_details
    assert charge.payment_method_details.card
    assert charge.payment_method_details.card.country == "BY"


def test_bank_debit_has_its_own_field(shop: Shop, visitor: Browser) -> None:
    session = shop.session(currency="eur")
    assert "IBAN" in visitor.open(str(session.url))
    visitor.submit(payment_method="sepa_debit", iban="AT61 1904 3002 3457 3201")
    assert shop.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"
    assert visitor.left_for


def test_test_card_is_filled_in_by_its_link(shop: Shop, visitor: Browser) -> None:
    session = shop.session()
    page = visitor.open(f"{session.url}?fill=4000000000000002")
    assert 'value="4000000000000002"' in page


def test_second_press_leads_to_the_same_end(shop: Shop, visitor: Browser, sandbox: StripeSandbox) -> None:
    session = shop.session()
    visitor.open(str(session.url))
    first_page = visitor.page
    visitor.submit(number=VISA)
    visitor.page, visitor.address = first_page, str(session.url)
    visitor.submit(number=VISA)
    assert visitor.left_for == f"http://news.example/thanks/?session={session.id}"
    assert len(sandbox.ledger()["charges"]) == 1
    assert "This payment is complete" in visitor.open(str(session.url))


def test_expired_session_says_that_nothing_was_charged(shop: Shop, visitor: Browser) -> None:
    session = shop.session()
    shop.v1.checkout.sessions.expire(session.id)
    page = visitor.open(str(session.url))
    assert visitor.status == 410
    assert "Nothing was charged" in page


def test_names_are_escaped(shop: Shop, visitor: Browser) -> None:
    price = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "<script>alert(1)</script>"}}
    session = shop.session(line_items=[{"price_data": price, "quantity": 1}])
    assert "<script>" not in visitor.open(str(session.url))


def test_unknown_page_is_404(visitor: Browser) -> None:
    visitor.open("/c/pay/cs_test_nothing")
    assert visitor.status == 404


def test_intent_of_a_request_returns_to_its_own_address(shop: Shop, visitor: Browser) -> None:
    intent = shop.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": "http://news.example/back/?a=1",
        }
    )
    assert intent.next_action
    assert intent.next_action.redirect_to_url
    visitor.open(str(intent.next_action.redirect_to_url.url))
    visitor.submit(result="complete")
    assert visitor.left_for == f"http://news.example/back/?a=1&payment_intent={intent.id}&redirect_status=succeeded"
