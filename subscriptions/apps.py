"""Set up the package of subscribers, consent, newsletters and their delivery."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"
    verbose_name = _("Newsletters and subscribers")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from newsroom import after_restore as steps  # noqa: PLC0415 - its types need the loaded models.
        from newsroom import registry  # noqa: PLC0415 - the registry's types need the loaded models.
        from subscriptions import (  # noqa: PLC0415 - so do these.
            after_restore,
            issue_panel,
            panels,
            picked,
            readers,
            retention,
        )
        from subscriptions.models import PrivacyPolicy  # noqa: PLC0415 - and this.

        registry.dashboard_panels += [issue_panel.issues_panel, panels.subscribers_panel]
        registry.page_boundaries.append(PrivacyPolicy.objects.next_boundary)
        registry.article_withdrawn.append(picked.article_withdrawn)
        registry.article_corrected.append(picked.article_corrected)
        registry.backup_facts.append(after_restore.ledger_facts)
        steps.withdrawing.append(after_restore.replay_withdrawals)
        steps.settling.append(after_restore.pause_issues)
        steps.verifying.append(after_restore.verify_ledger)
        steps.releasing.append(after_restore.mark_anchor)
        registry.person_exported["newsletters"] = readers.export_person
        registry.person_erased.append(readers.erase_person)
        registry.retention_rules += retention.RULES
        registry.fact_tables += ["subscriptions_consent", "subscriptions_consentcheckpoint"]
        post_migrate.connect(retention.write_missing_periods, dispatch_uid="retention-periods")
