"""What a monitoring system reads, for tests: the text through the parsers of Prometheus's own library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from workflowkit.api.exposition import expose
from workflowkit.composition import Runtime
from workflowkit.runtime.metrics import Metrics, Numbers

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scraped:
    """The samples of one scrape."""

    def __init__(self, text: str, *, is_openmetrics: bool = False) -> None:
        self.families = list((parse_openmetrics if is_openmetrics else parse_plain)(text))
        self.series: Series = {}
        for family in self.families:
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in self.series, f"twice: {sample}"
                self.series[key] = sample.value

    def __call__(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a name that have these labels."""
        wanted = set(labels.items())
        return sum(value for (each, has), value in self.series.items() if each == name and wanted <= has)

    def labels(self, name: str, label: str) -> set[str]:
        """Return the values of a label."""
        return {dict(has)[label] for each, has in self.series if each == name}

    def counters(self) -> Iterator[tuple[Any, float]]:
        """Yield what may never fall: counters, and the counts and sums of histograms and summaries."""
        for family in self.families:
            if family.type in ("counter", "histogram", "summary"):
                for sample in family.samples:
                    yield (sample.name, frozenset(sample.labels.items())), sample.value


def fresh(runtime: Runtime, *, tenants: tuple[str, ...] = (), most_workflows: int = 100) -> Metrics:
    """Return metrics that have shown nothing yet."""
    own_tenant = runtime.settings.scope.tenant
    return Metrics(runtime.database, own_tenant, tenants, most_workflows=most_workflows, grace_ms=2_000)


def scrape(runtime: Runtime, *, is_openmetrics: bool = False, **options: Any) -> Scraped:
    """Read the numbers of a runtime anew."""
    return scraped(fresh(runtime, **options).read(), is_openmetrics=is_openmetrics)


def scraped(numbers: Numbers, *, is_openmetrics: bool = False) -> Scraped:
    """Return numbers as they are scraped."""
    return Scraped(expose(numbers, is_openmetrics=is_openmetrics)[0].decode(), is_openmetrics=is_openmetrics)


def assert_never_falls(before: Scraped, after: Scraped) -> None:
    """Assert that each counter is at least what it was."""
    now = dict(after.counters())
    for key, value in before.counters():
        assert now[key] >= value, key
