"""Learning the truth: fetch an object from Stripe as it is now, and apply it under a row lock.

Whoever wakes it — a webhook, the page after Stripe's, the sweep, the nightly comparison — calls the same functions, one
module for each kind of object. Nothing else writes payments, refunds, disputes or the state of recurring gifts.
"""
