"""Prometheus's figures: each is made from rows, and each stands in a rule and on the dashboard."""

import json
import re
import subprocess
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from newsroom import alarms, heartbeats, page_counts, site_version
from newsroom.models import Heartbeat
from tests.donations.factories import make_event, make_payment
from tests.operations.trouble import everything_at_once
from tests.subscriptions.factories import make_newsletter
from tests.subscriptions.issue_factories import make_sending_issue

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NAME = re.compile(r"\bnewsroom_\w+")
PROMTOOL = which("promtool")


@pytest.fixture
def shown(client: Client, settings: Any) -> Any:
    settings.METRICS_TOKEN = "the-token"

    def read() -> dict[tuple[str, ...], float]:
        response = client.get("/metrics", headers={"Authorization": "Bearer the-token"})
        assert response.status_code == 200
        families = text_string_to_metric_families(response.content.decode())
        return {
            (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
            for family in families
            for sample in family.samples
        }

    return read


def names_in_rules() -> set[str]:
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 20
    assert all(len(rule["annotations"]["summary"]) > 10 and rule["labels"]["severity"] for rule in rules)
    return {name for rule in rules for name in NAME.findall(rule["expr"])}


def names_on_the_dashboard() -> set[str]:
    panels = json.loads((DEPLOY / "grafana/newsroom.json").read_text())["panels"]
    return {name for panel in panels for target in panel["targets"] for name in NAME.findall(target["expr"])}


@pytest.mark.django_db
def test_each_figure_is_made_and_stands_in_a_rule_and_on_the_dashboard(shown: Any, settings: Any) -> None:
    at = timezone.now()
    Redis.from_url(settings.REDIS_URL).rpush(settings.CELERY_SLOW_QUEUE, "a", "b")
    heartbeats.write(Heartbeat.Kind.WORKER, name="one", at=at)
    everything_at_once(at, settings)
    alarms.look(at=at)
    site_version.forget()
    page_counts._flushed_at[0] = 0.0
    page_counts.count("served")
    page_counts._flushed_at[0] = 0.0
    page_counts.count("made")
    found = shown()

    expected = {
        ("newsroom_processes", "worker"): 1,
        ("newsroom_queue_length", "slow"): 2,
        ("newsroom_jobs_failed",): 1,
        ("newsroom_alarm_ringing", "issue-held"): 1,
        # Those of the alarms wait as well.
        ("newsroom_outbox_waiting",): 1 + sum(name == "newsroom_alarm_ringing" for name, *_ in found),
        ("newsroom_outbox_mails", "failed"): 0,
        ("newsroom_issue_deliveries", "2026-11-20", "friday", "accepted"): 1,
        ("newsroom_issue_deliveries", "2026-11-20", "friday", "pending"): 1,
        ("newsroom_issue_reasons", "2026-11-20", "friday", "refused", "refused"): 1,
        ("newsroom_issue_events", "2026-11-20", "complained", "friday"): 1,
        ("newsroom_issues_held",): 1,
        ("newsroom_issues_paused",): 1,
        ("newsroom_domains_resting",): 1,
        ("newsroom_webhook_waiting",): 1,
        ("newsroom_webhook_failed",): 1,
        ("newsroom_books_differed",): 3,
        ("newsroom_card_testing",): 1,
    }
    assert {key: found.get(key) for key in expected} == expected
    near = {
        ("newsroom_heartbeat_age_seconds", "worker"): 0,
        ("newsroom_outbox_oldest_seconds",): 3600,
        ("newsroom_issue_late_seconds",): 3600,
        ("newsroom_webhook_lag_seconds",): 2 * 3600 + 60,
        ("newsroom_webhook_oldest_seconds",): 3600 - 60,
        ("newsroom_webhook_silence_seconds",): 3600 - 60,
        ("newsroom_books_age_seconds",): 50 * 3600,
        ("newsroom_donation_age_seconds",): 100 * 3600,
    }
    assert {key: pytest.approx(found[key], abs=300) for key in near} == near
    assert found[("newsroom_backup_age_seconds",)] > 1e8
    assert 0 < found[("newsroom_disk_free_ratio",)] < 1
    assert found[("newsroom_pages_served_total",)] >= 1
    assert found[("newsroom_pages_made_total",)] >= 1

    made = {key[0] for key in found}
    assert made == {name for name, *_labels in (*expected, *near)} | {
        "newsroom_backup_age_seconds",
        "newsroom_disk_free_ratio",
        "newsroom_pages_served_total",
        "newsroom_pages_made_total",
    }
    assert made == names_in_rules()
    assert made == names_on_the_dashboard()


@pytest.mark.django_db
def test_no_figure_costs_more_where_there_are_more_rows(shown: Any, settings: Any) -> None:
    everything_at_once(timezone.now(), settings)
    with CaptureQueriesContext(connection) as few:
        shown()
    for _number in range(3):
        make_sending_issue(newsletter=make_newsletter())
        make_event()
        make_payment()
    with CaptureQueriesContext(connection) as many:
        shown()
    assert len(many) == len(few) <= 32


@pytest.mark.where(PROMTOOL)
def test_prometheus_takes_the_rules() -> None:
    done = subprocess.run([PROMTOOL or "", "check", "rules", str(DEPLOY / "prometheus/rules.yml")], check=False)
    assert done.returncode == 0
    configuration = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    assert configuration["rule_files"] == ["rules.yml"]
