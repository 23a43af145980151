"""What must stand in no log: addresses, networks, tokens, keys."""

import re

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")
IP = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")
KEYS = re.compile(r"whsec_\w+|sk_(?:test|live)_\w+")


def secrets_in(text: str, *known: str) -> list[str]:
    """Return whatever of it stands in a text: the known words, and everything that has the form of a secret."""
    found = [word for word in known if word.lower() in text.lower()]
    return found + ADDRESS.findall(text) + IP.findall(text) + KEYS.findall(text)
