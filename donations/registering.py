"""What the newsroom asks of this package, by its registry."""

from donations import mine, reminders, reminding, retention, statements
from donations.figures import income_panel, recurring_panel, waiting, waiting_at_stripe, week_panel
from donations.gauges import money_figures, webhook_figures
from donations.issue_appeals import issue_appeal
from donations.models import Appeal
from donations.reminder_panel import reminders_panel
from donations.restored import register_steps
from donations.screens import SCREENS
from donations.watches import WATCHES
from newsroom import mail, outbox, registry


def register_all() -> None:
    registry.watches += WATCHES
    registry.figure_makers += [webhook_figures, money_figures]
    registry.screens |= SCREENS
    registry.prepared_panels |= {
        "giving-this-week": week_panel,
        "income": income_panel,
        "recurring": recurring_panel,
        "reminders": reminders_panel,
    }
    registry.waiting |= {"donations.view_dispute": waiting, "donations.view_stripeevent": waiting_at_stripe}
    registry.page_boundaries.append(Appeal.objects.next_boundary)
    registry.person_leaving.append(mine.end_gifts)
    registry.person_erased += [reminders.erase_person, mine.erase_person]
    registry.person_exported["gifts"] = mine.export
    registry.donor_checks.append(mine.is_donor)
    registry.donor_addresses.append(mine.donors)
    registry.issue_appeals.append(issue_appeal)
    registry.person_exported["reminders"] = reminders.export_person
    register_steps()
    registry.rows_of_person.append(mine.rows_seen_by_staff)
    registry.access_actions |= registry.looks_at("donor", "donation", "payment", "recurringgift", "stripecustomer")
    registry.access_actions |= registry.looks_at("reminder")
    registry.access_actions |= {"donor.exported", "payment.exported", "donation.exported"}
    registry.subjects_of.append(reminders.subjects_of)
    registry.retention_rules += retention.RULES
    outbox.claim_guards[reminding.TEMPLATE] = reminding.guard
    outbox.claim_guards[statements.TEMPLATE] = statements.guard
    mail.attachment_makers[statements.TEMPLATE] = statements.attachment_of
