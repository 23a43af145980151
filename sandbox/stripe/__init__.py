"""Stand in for Stripe's API, its hosted pages and its webhooks, for development and tests.

The server speaks the API version that the pinned `stripe` package speaks, keeps its objects in one SQLite file, and is
used over HTTP by the unmodified SDK. It moves no money and never leaves this machine.
"""
