"""Set up the package of subscribers, consent, newsletters and their delivery."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class SubscriptionsConfig(AppConfig):
    name = "subscriptions"
    verbose_name = _("Newsletters and subscribers")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from newsroom import outbox, registry  # noqa: PLC0415 - the registry's types need the loaded models.
        from subscriptions import (  # noqa: PLC0415 - so do these.
            gauges,
            issue_panel,
            panels,
            picked,
            readers,
            restored,
            retention,
            screens,
            watches,
        )
        from subscriptions.models import Issue, PrivacyPolicy  # noqa: PLC0415 - and this.

        registry.watches += watches.WATCHES
        registry.figure_makers += [gauges.issue_figures, gauges.sending_figures]
        registry.screens |= screens.SCREENS
        registry.dashboard_panels.append(issue_panel.issues_panel)
        registry.prepared_panels |= {"subscribers": panels.subscribers_panel, "delivery": panels.delivery_panel}
        registry.page_boundaries.append(PrivacyPolicy.objects.next_boundary)
        registry.article_withdrawn.append(picked.article_withdrawn)
        registry.article_corrected.append(picked.article_corrected)
        restored.register_all()
        registry.person_exported["newsletters"] = readers.export_person
        registry.subjects_of.append(readers.subjects_of)
        registry.rows_of_person.append(readers.rows_seen_by_staff)
        registry.access_actions |= registry.looks_at("subscriber", "subscription", "delivery", "signuprequest")
        registry.access_actions |= {
            *("subscribers.exported", "consent.evidence_taken"),
            *("import.previewed", "import.verdicts_read"),
        }
        registry.person_erased.append(readers.erase_person)
        outbox.parting_templates.add("address_changed")
        registry.retention_rules += retention.RULES
        registry.copied_pages |= {f"subscriptions:{name}" for name in ("archive", "issue_feed", "issue")}
        registry.copied_paths.append(Issue.objects.web_addresses)
        registry.fact_tables += ["subscriptions_consent", "subscriptions_consentcheckpoint"]
        post_migrate.connect(retention.write_missing_periods, dispatch_uid="retention-periods")
