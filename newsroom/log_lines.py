"""Keeping out of the log what opens something or tells who asked."""

import logging


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
