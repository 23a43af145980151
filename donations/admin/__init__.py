from donations.admin import donors, events, gifts, payments, terms  # noqa: F401 - importing registers.
