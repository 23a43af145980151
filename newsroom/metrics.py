"""The product's figures for Prometheus: read from rows when somebody asks, so that every process says the same."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from newsroom import registry

# So that "never" is larger than every limit of an alert, and no gap in a graph.
NEVER_SECONDS = 10 * 365 * 86400.0


class _Everything(Collector):
    def __init__(self, at: datetime) -> None:
        self.at = at

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand, because to name the figures is to count them."""
        return []

    def collect(self) -> Iterable[Metric]:
        for make in registry.figure_makers:
            yield from make(self.at)


def exposition(at: datetime) -> bytes:
    """Return every figure in Prometheus's text format."""
    asked = CollectorRegistry()
    asked.register(_Everything(at))
    return generate_latest(asked)


def figure(name: str, words: str, value: float) -> Metric:
    """Return one number under `newsroom_<name>`."""
    return GaugeMetricFamily(f"newsroom_{name}", words, value=value)


def figures(name: str, words: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]) -> Metric:
    """Return one number for each combination of labels."""
    family = GaugeMetricFamily(f"newsroom_{name}", words, labels=labels)
    for labelled, value in values.items():
        family.add_metric(labelled, value)
    return family


def counter(name: str, words: str, value: float) -> Metric:
    """Return a number that only grows, under `newsroom_<name>_total`."""
    return CounterMetricFamily(f"newsroom_{name}", words, value=value)


def seconds_since(moment: datetime | None, at: datetime) -> float:
    """Return the age of a moment in seconds, and a very long time for what never was."""
    return NEVER_SECONDS if moment is None else max(0.0, (at - moment) / timedelta(seconds=1))
