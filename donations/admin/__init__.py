from donations.admin import donors, events, gifts, payments, reminders, statements, terms  # noqa: F401 - importing registers.
