from donations.admin import donors, events, gifts, income, payments, reminders, statements, terms  # noqa: F401 - importing registers.
