"""Stripe's public test cards and test bank accounts, and what each of them does.

The numbers and their behaviour are those of https://docs.stripe.com/testing.
"""

from dataclasses import dataclass

DECLINES = {
    # decline code or error code: (error code, decline code, words)
    "generic_decline": ("card_declined", "generic_decline", "Your card was declined."),
    "insufficient_funds": ("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    "lost_card": ("card_declined", "lost_card", "Your card was declined."),
    "stolen_card": ("card_declined", "stolen_card", "Your card was declined."),
    "fraudulent": ("card_declined", "fraudulent", "Your card was declined."),
    "card_velocity_exceeded": (
        "card_declined",
        "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    ),
    "expired_card": ("expired_card", "expired_card", "Your card has expired."),
    "incorrect_cvc": ("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    "processing_error": (
        "processing_error",
        "processing_error",
        "An error occurred while processing your card. Try again in a little bit.",
    ),
    "authentication_required": (
        "authentication_required",
        "authentication_required",
        "Your card was declined. This transaction requires authentication.",
    ),
    "test_mode_live_card": (
        "card_declined",
        "test_mode_live_card",
        (
            "Your card was declined. Your request was in test mode, but used a non test card."
            " For a list of valid test cards, visit: https://stripe.com/docs/testing."
        ),
    ),
}


@dataclass(frozen=True)
class Card:
    """A test card: who issued it and how it behaves."""

    number: str
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    # Why each charge of it is refused; empty when it is accepted.
    decline: str = ""
    # "always", or "setup" for a card that later payments need no longer authenticate once it was set up.
    authentication: str = ""
    # Refused only after it was attached to a customer.
    attaches: bool = False
    dispute: str = ""
    # "pending" succeeds later, "failed" fails later.
    refund: str = ""
    risk: str = "normal"
    label: str = ""

    @property
    def last4(self) -> str:
        """Return the digits that may be shown."""
        return self.number[-4:]


CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242", label="Succeeds"),
        Card("4000056655665556", funding="debit"),
        Card("5555555555554444", brand="mastercard", label="Succeeds (Mastercard)"),
        Card("2223003122003222", brand="mastercard"),
        Card("5200828282828210", brand="mastercard", funding="debit"),
        Card("5105105105105100", brand="mastercard", funding="prepaid"),
        Card("378282246310005", brand="amex"),
        Card("371449635398431", brand="amex"),
        Card("6011111111111117", brand="discover"),
        Card("3056930009020004", brand="diners"),
        Card("3566002020360505", brand="jcb"),
        Card("6200000000000005", brand="unionpay"),
        Card("4000000000000002", decline="generic_decline", label="Declined"),
        Card("4000000000009995", decline="insufficient_funds", label="Declined: insufficient funds"),
        Card("4000000000009987", decline="lost_card"),
        Card("4000000000009979", decline="stolen_card"),
        Card("4000000000000069", decline="expired_card", label="Declined: expired card"),
        Card("4000000000000127", decline="incorrect_cvc", label="Declined: wrong security code"),
        Card("4000000000000119", decline="processing_error"),
        Card("4000000000006975", decline="card_velocity_exceeded"),
        Card("4100000000000019", decline="fraudulent", risk="highest"),
        Card("4000000000004954", risk="highest"),
        Card("4000000000009235", risk="elevated"),
        Card(
            "4000000000000341", decline="generic_decline", attaches=True, label="Saved, then later charges are declined"
        ),
        Card("4000002500003155", authentication="setup", label="3-D Secure, once"),
        Card("4000002760003184", authentication="always", label="3-D Secure, for every payment"),
        Card("4000000000003220", authentication="always"),
        Card("4000008260003178", authentication="always", decline="insufficient_funds"),
        Card("4000008400001629", authentication="always", decline="generic_decline"),
        Card("4000000000000259", dispute="fraudulent", label="Disputed a day later as fraudulent"),
        Card("4000000000002685", dispute="product_not_received"),
        Card("4000000000007726", refund="pending"),
        Card("4000000000005126", refund="failed", label="Refunds of it fail"),
        Card("4000000000000077"),
        Card("4000000760000002", country="BR"),
        Card("4000001240000000", country="CA"),
        Card("4000004840008001", country="MX"),
        Card("4000000400000008", country="AT"),
        Card("4000000560000004", country="BE"),
        Card("4000001000000000", country="BG"),
        Card("4000001120000005", country="BY", label="Issued in Belarus"),
        Card("4000001910000009", country="HR"),
        Card("4000002030000002", country="CZ"),
        Card("4000002080000001", country="DK"),
        Card("4000002330000009", country="EE"),
        Card("4000002460000001", country="FI"),
        Card("4000002500000003", country="FR"),
        Card("4000002760000016", country="DE", label="Issued in Germany"),
        Card("4000003000000030", country="GR"),
        Card("4000003480000005", country="HU"),
        Card("4000003720000005", country="IE"),
        Card("4000003800000008", country="IT"),
        Card("4000004280000005", country="LV"),
        Card("4000004400000000", country="LT"),
        Card("4000005280000002", country="NL"),
        Card("4000005780000007", country="NO"),
        Card("4000006160000005", country="PL"),
        Card("4000006200000007", country="PT"),
        Card("4000006420000001", country="RO"),
        Card("4000006430000009", country="RU", label="Issued in Russia"),
        Card("4000007050000006", country="SI"),
        Card("4000007240000007", country="ES"),
        Card("4000007520000008", country="SE"),
        Card("4000007560000009", country="CH"),
        Card("4000008260000000", country="GB"),
        Card("4000000360000006", country="AU"),
        Card("4000003560000008", country="IN"),
        Card("4000003920000003", country="JP"),
        Card("4000005540000008", country="NZ"),
        Card("4000007020000003", country="SG"),
    )
}

# The ids that Stripe offers in place of a number, such as `payment_method="pm_card_visa"`.
TOKENS = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "de": "4000002760000016",
    "fr": "4000002500000003",
    "gb": "4000008260000000",
    "ru": "4000006430000009",
    "by": "4000001120000005",
    "chargeDeclined": "4000000000000002",
    "visa_chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "visa_chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "chargeCustomerFail": "4000000000000341",
    "createDispute": "4000000000000259",
    "createDisputeProductNotReceived": "4000000000002685",
    "authenticationRequired": "4000002760003184",
    "authenticationRequiredOnSetup": "4000002500003155",
    "refundFail": "4000000000005126",
    "pendingRefund": "4000000000007726",
}


@dataclass(frozen=True)
class Account:
    """A test bank account for SEPA direct debit."""

    iban: str
    # Empty when the debit succeeds, else why it fails.
    failure: str = ""
    dispute: str = ""
    label: str = ""


ACCOUNTS = {
    account.iban: account
    for account in (
        Account("AT611904300234573201", label="Succeeds later"),
        Account("DE89370400440532013000"),
        Account("FR1420041010050500013M02606"),
        Account("NL39RABO0300065264"),
        Account("AT861904300235473202", failure="debit_not_authorized", label="Fails later"),
        Account("DE62370400440532013001", failure="debit_not_authorized"),
        Account("AT981904300002222227", failure="insufficient_funds", label="Fails later: insufficient funds"),
        Account("AT591904300235473203", dispute="debit_not_authorized", label="Succeeds, then disputed"),
    )
}


def luhn_valid(number: str) -> bool:
    """Return whether the check digit of a card number is right."""
    total = 0
    for position, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban_valid(iban: str) -> bool:
    """Return whether the check digits of an IBAN are right (ISO 13616)."""
    if not (15 <= len(iban) <= 34 and iban.isalnum() and iban.isascii()):
        return False
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1
