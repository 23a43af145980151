"""Make object ids that look like Stripe's."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits

PREFIXES = {
    "account": "acct_",
    "balance_transaction": "txn_",
    "billing_portal.configuration": "bpc_",
    "billing_portal.session": "bps_",
    "charge": "ch_",
    "checkout.session": "cs_test_",
    "customer": "cus_",
    "dispute": "du_",
    "event": "evt_",
    "invoice": "in_",
    "invoice_payment": "inpay_",
    "item": "li_",
    "line_item": "il_",
    "mandate": "mandate_",
    "payment_intent": "pi_",
    "payment_method": "pm_",
    "price": "price_",
    "product": "prod_",
    "refund": "re_",
    "request": "req_",
    "setup_intent": "seti_",
    "subscription": "sub_",
    "subscription_item": "si_",
    "test_helpers.test_clock": "clock_",
    "webhook_endpoint": "we_",
}
LENGTHS = {"checkout.session": 58, "customer": 14, "product": 14, "request": 14, "subscription_item": 14}


def random_text(length: int) -> str:
    """Return `length` random letters and digits."""
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in secrets.token_bytes(length))


def new_id(kind: str) -> str:
    """Return a fresh id for an object of this kind, such as `pi_3Qk…`."""
    return PREFIXES[kind] + random_text(LENGTHS.get(kind, 24))


def client_secret(object_id: str) -> str:
    """Return the secret that a browser would be given for an intent."""
    return f"{object_id}_secret_{random_text(25)}"
