"""Metrics for Prometheus, in a registry of the service."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The counters and histograms of the service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter("matte_requests", "Requests answered.", ["route", "status"], registry=self.registry)
        self.compute = Histogram("matte_compute_seconds", "Seconds of a computation.", buckets=_SECONDS, registry=self.registry)
        self.pixels = Counter("matte_pixels", "Pixels of the photos matted.", registry=self.registry)
        self.abandoned = Counter("matte_abandoned", "Requests whose client left before the answer.", registry=self.registry)

    def watch(self, name: str, about: str, read: Callable[[], float]) -> None:
        """Register a gauge that is evaluated at each scrape."""
        Gauge(name, about, registry=self.registry).set_function(read)

    def text(self) -> bytes:
        return generate_latest(self.registry)
