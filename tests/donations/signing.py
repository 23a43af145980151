"""Stripe's webhook signature, written down independently of the SDK: https://docs.stripe.com/webhooks#verify-manually."""

import hashlib
import hmac
import time


def signature_of(body: bytes, secret: str, *, at: int | None = None) -> str:
    at = int(time.time()) if at is None else at
    signed = f"{at}.".encode() + body
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
