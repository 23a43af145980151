from donations.admin import donors, events, gifts, payments, reminders, terms  # noqa: F401 - importing registers.
