from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

# The packages whose permissions the roles are made of.
PACKAGES = ("newsroom", "subscriptions", "donations")


class NewsroomConfig(AppConfig):
    name = "newsroom"
    verbose_name = _("Publishing")

    def ready(self) -> None:
        # These need the loaded apps.
        from newsroom import (  # noqa: PLC0415
            attention,
            bounces,
            checks,  # noqa: F401 - importing registers.
            checks_backups,  # noqa: F401 - so does this.
            database_roles,
            gauges,
            outbox,
            panels,
            registry,
            roles,
            screens,
            staff_account,
            staff_people,
            suppressions,
            unsaved,
            watches,
        )

        staff_account.listen()

        registry.watches += watches.WATCHES
        registry.figure_makers += [gauges.running_figures, gauges.outbox_figures, gauges.page_figures]
        registry.screens |= screens.SCREENS
        registry.waiting["newsroom.approve_new_device"] = attention.lost_devices
        registry.dashboard_panels += [panels.publishing_panel, panels.mail_panel]
        registry.retention_rules += [
            registry.RetentionRule(
                "ended-mail",
                _("Address and words of single mails"),
                _("They are of use while somebody asks where a mail is. That there was one stays."),
                outbox.KEPT_AFTER_END.days,
                outbox.empty_ended,
            ),
            registry.RetentionRule(
                "suppressions",
                _("Keyed hashes of addresses that were given a rest"),
                _("They count from the end of the rest. Those of an erasure have no end: they keep imports off."),
                30,
                suppressions.forget_old,
            ),
            registry.RetentionRule(
                "soft-bounces",
                _("Counts of mail that failed for a while"),
                _("A count that nothing was added to for three months says nothing any more."),
                bounces.SOFT_KEPT.days,
                bounces.forget_old,
            ),
            registry.RetentionRule(
                "unsaved-words",
                _("Words that staff typed and never saved"),
                _("Whoever has not come back to them by then has written them elsewhere."),
                unsaved.KEPT_DAYS,
                unsaved.forget_old,
            ),
            registry.RetentionRule(
                "staff-invitations",
                _("Addresses of people who were invited to the staff"),
                _("Whoever came has an account that holds the address; nobody needs those of the others."),
                30,
                staff_people.forget_addresses,
            ),
        ]

        registry.fact_tables.append("newsroom_historyentry")
        registry.access_actions |= registry.looks_at("outgoingmail")
        for package in PACKAGES:
            sender = apps.get_app_config(package)
            # First: what follows writes as the application.
            post_migrate.connect(
                database_roles.grant_after_migrating, sender=sender, dispatch_uid=f"database-roles.{package}"
            )
            post_migrate.connect(roles.keep_roles, sender=sender, dispatch_uid=f"roles.{package}")


class StaffConfig(AdminConfig):
    """Django's admin on the newsroom's own site object."""

    default_site = "newsroom.staff.StaffSite"
