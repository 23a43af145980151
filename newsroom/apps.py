from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

# The packages whose permissions the roles are made of.
PACKAGES = ("newsroom", "subscriptions", "donations")


class NewsroomConfig(AppConfig):
    name = "newsroom"
    verbose_name = "Publishing"

    def ready(self) -> None:
        # These need the loaded apps.
        from newsroom import bounces, checks, database_roles, panels, registry, roles  # noqa: F401, PLC0415

        registry.dashboard_panels += [panels.publishing_panel, panels.mail_panel]
        registry.retention_rules.append(
            registry.RetentionRule(
                "soft-bounces",
                _("Counts of mail that failed for a while"),
                _("A count that nothing was added to for three months says nothing any more."),
                bounces.SOFT_KEPT.days,
                bounces.forget_old,
            )
        )

        registry.fact_tables.append("newsroom_historyentry")
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
