"""The staff's roles: groups that this table keeps, whatever is clicked in the admin.

A role holds permissions of all packages, named by app and codename; a name that ends in `*` means view, add, change and
delete of that model. A permission of an app that is not migrated yet is given by that app's own migration run.
"""

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission

VIEW_EVERYTHING_PUBLISHED = [
    "newsroom.view_section",
    "newsroom.view_author",
    "newsroom.view_tag",
    "newsroom.view_image",
    "newsroom.view_article",
    "newsroom.view_page",
]

# Three roles can ask and approve, so that even a small newsroom finds two people when somebody's phone is gone.
LETTING_COLLEAGUES_IN = [
    "newsroom.view_staffmember",
    "newsroom.view_staffinvitation",
    "newsroom.ask_new_device",
    "newsroom.approve_new_device",
]

ROLES: dict[str, list[str]] = {
    "Reporter": [
        *VIEW_EVERYTHING_PUBLISHED,
        "newsroom.add_article",
        "newsroom.change_article",
        "newsroom.byline*",
        "newsroom.view_correction",
        "newsroom.submit_article",
        "newsroom.add_image",
        "newsroom.change_image",
        "newsroom.add_tag",
    ],
    "Editor": [
        "newsroom.article*",
        "newsroom.byline*",
        "newsroom.view_correction",
        "newsroom.formeraddress*",
        "newsroom.section*",
        "newsroom.author*",
        "newsroom.tag*",
        "newsroom.image*",
        "newsroom.page*",
        "newsroom.submit_article",
        "newsroom.edit_submitted_article",
        "newsroom.publish_article",
        "newsroom.correct_article",
        "newsroom.withdraw_article",
        "newsroom.view_pseudonyms",
        "newsroom.view_historyentry",
        "newsroom.view_alarm",
        *LETTING_COLLEAGUES_IN,
    ],
    "Newsletter editor": [
        *VIEW_EVERYTHING_PUBLISHED,
        "subscriptions.newsletter*",
        "subscriptions.newsletterholiday*",
        "subscriptions.mirror*",
        "subscriptions.embeddinghost*",
        "subscriptions.issue*",
        "subscriptions.pick*",
        "subscriptions.segment*",
        "subscriptions.approve_issue",
        "subscriptions.send_issue",
        "subscriptions.view_delivery",
        "subscriptions.view_mailevent",
        "newsroom.view_historyentry",
        "newsroom.view_alarm",
    ],
    "Fundraiser": [
        *VIEW_EVERYTHING_PUBLISHED,
        "donations.appeal*",
        "donations.amountrule*",
        "donations.paymentmethodrule*",
        "donations.givingterms*",
        "donations.taxprofile*",
        "donations.view_yearlystatement",
        "donations.reminderchoice*",
        "donations.campaign*",
        "donations.languagecurrency*",
        "donations.view_donation",
        "donations.view_donor",
        "donations.view_payment",
        "donations.view_recurringgift",
        "donations.view_refund",
        "donations.view_dispute",
        "donations.view_reminder",
        "donations.cancel_reminder",
        "donations.refund_payment",
        "donations.cancel_recurring_gift",
        "donations.resend_receipt",
        "donations.export_payment",
        "donations.export_donor",
        "donations.view_stripecustomer",
        "donations.view_decline",
        "donations.view_safetyreturn",
        "newsroom.view_historyentry",
        "newsroom.view_alarm",
    ],
    "Privacy officer": [
        "subscriptions.privacypolicy*",
        "subscriptions.policytext*",
        "subscriptions.publish_policy",
        "subscriptions.view_consentrenewal",
        "subscriptions.view_subscriber",
        "subscriptions.view_subscription",
        "subscriptions.change_subscription",
        "subscriptions.view_consent",
        "subscriptions.view_erasure",
        "subscriptions.view_signuprequest",
        "subscriptions.view_unsubscribereason",
        "subscriptions.view_subscriberimport",
        "subscriptions.add_subscriberimport",
        "subscriptions.export_subscribers",
        "subscriptions.retentionperiod*",
        "newsroom.view_suppression",
        "newsroom.view_historyentry",
        "newsroom.view_alarm",
        "newsroom.view_personaldataaccess",
        *LETTING_COLLEAGUES_IN,
    ],
    "Engineer": [
        *LETTING_COLLEAGUES_IN,
        "newsroom.invite_staff",
        "newsroom.end_staff_access",
        "newsroom.change_staff_roles",
        "newsroom.outlet*",
        "newsroom.outletwords*",
        "newsroom.view_job",
        "newsroom.view_alarm",
        "newsroom.view_outgoingmail",
        "newsroom.resend_mail",
        "newsroom.view_suppression",
        "newsroom.view_historyentry",
        "donations.view_stripeevent",
        "donations.process_stripe_event",
        "subscriptions.sendinglimit*",
        "subscriptions.view_mailevent",
    ],
}


def keep_roles(app_config: AppConfig | None = None, **kwargs: Any) -> None:
    """Make the six groups, and give each exactly the permissions of the table that exist by now."""
    if app_config is not None:
        # Django makes an app's permissions after the same migration, but in an order that is nobody's promise.
        create_permissions(app_config, verbosity=0)
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    for name, wanted in ROLES.items():
        group, _is_new = Group.objects.get_or_create(name=name)
        group.permissions.set(known[word] for word in spelled_out(wanted) if word in known)


def spelled_out(wanted: list[str]) -> Iterator[str]:
    for word in wanted:
        if word.endswith("*"):
            app, model = word[:-1].split(".", 1)
            yield from (f"{app}.{deed}_{model}" for deed in ("view", "add", "change", "delete"))
        else:
            yield word
