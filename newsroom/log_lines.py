"""Keeping out of the log what opens something or tells who asked."""

import logging
import re

# What is in a line by mistake: the message of an error that quotes a row, a path, what a library chose to tell.
_SECRETS = (
    # Keys of Stripe's, which libraries quote when they are wrong.
    (re.compile(r"\b(?:sk|rk|pk)_(?:live|test)_\w+|\bwhsec_\w+"), "<key>"),
    # `scheme://user:password@host`, before the address pattern takes the password for a name.
    (re.compile(r"://[^\s/@]+@"), "://<login>@"),
    (re.compile(r"[^\s<>\"'`,;:=()\[\]]+@[^\s<>\"'`,;:()\[\]]+\.[^\s<>\"'`,;:()\[\]]+"), "<address>"),
    # Signed tokens (value:time:signature) and long random words, such as those of mailed links.
    (re.compile(r"\b[\w-]+:[\w-]{4,12}:[\w-]{27,}"), "<token>"),
    (re.compile(r"(?<=/)[\w-]{20,}(?=[/?\s'\"]|$)"), "<token>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<token>"),
    (re.compile(r"\?[\w%.~+-]+=[^\s'\"]*"), "?<query>"),
    (re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.])"), "<ip>"),
    # IPv6 in full, or shortened by one double colon. A time of day is neither.
    (re.compile(r"(?<![\w:.])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])", re.IGNORECASE), "<ip>"),
    (re.compile(r"(?<![\w:.])(?=[0-9a-f:]*::)(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{1,4}(?![\w:])", re.IGNORECASE), "<ip>"),
)


def without_secrets(text: str) -> str:
    """Return a text without addresses, networks, tokens and keys, each replaced by a word for its kind."""
    for pattern, word in _SECRETS:
        text = pattern.sub(word, text)
    return text


class Line(logging.Formatter):
    """Write a log line, its traceback too, without what names a person or opens something.

    Code that logs names rows by id. This is for what nobody wrote: PostgreSQL quotes the row that broke a constraint,
    a server names who sent a broken request.
    """

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class WithoutAddress(logging.Filter):
    """Name a failed request by its route. Its path may hold a link that works once, or the key of a gift."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        if request is not None and isinstance(record.args, tuple):
            match = getattr(request, "resolver_match", None)
            route = f"/{match.route}" if match is not None else "an unknown page"
            path = getattr(request, "path", None)
            record.args = tuple(route if argument == path else argument for argument in record.args)
        return True
