"""What stands ready for Prometheus and Grafana names metrics that there are."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any
from unittest import skipUnless

import yaml
from prometheus_client import Metric
from twisted.trial.unittest import SynchronousTestCase

from piecesd.metrics.metrics import Metrics
from piecesd.metrics.page import MetricsPage
from tests.integration.daemon import ROOT
from tests.metrics.test_metrics import figures
from tests.pages import Page

DASHBOARD = ROOT / "deploy" / "grafana" / "piecesd.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"

_NAME = re.compile(r"\b(?:piecesd|process|python)_[a-z_]+\b")
_LABELS = re.compile(r"\b(?:by|ignoring) \(([a-z, ]+)\)|([a-z]+)\s*(?:=~|!=|=)\s*\"")
_OF_SCRAPING = {"instance", "job"}
"""Labels that Prometheus adds by itself."""

_SUFFIXES = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}


def exported() -> dict[str, Metric]:
    """Every metric of the page, by its name without the suffix of a series."""
    metrics = Metrics([], version="9.9")
    MetricsPage(metrics, figures, None).render()
    return {metric.name: metric for metric in metrics.registry.collect()}


def series(metric: Metric) -> Iterator[str]:
    """The names by which expressions ask for ``metric``."""
    for suffix in _SUFFIXES.get(metric.type, [""]):
        yield metric.name + suffix


def labels() -> dict[str, set[str]]:
    """The labels of piecesd's metrics, by name."""
    metrics = Metrics([], version="9.9")
    return {
        collector._name: set(collector._labelnames)
        for collector in vars(metrics).values()
        for collector in (collector.values() if isinstance(collector, dict) else [collector])
        if hasattr(collector, "_labelnames")
    }


class ExpressionCase(SynchronousTestCase):
    def assert_exported(self, expressions: list[str]) -> None:
        names = {name for metric in exported().values() for name in series(metric)}
        known_labels = set.union(*labels().values(), _OF_SCRAPING, {"le", "pid"})
        for expression in expressions:
            self.assertEqual(set(_NAME.findall(expression)) - names, set(), expression)
            for listed, compared in _LABELS.findall(expression):
                used = set(filter(None, [*listed.split(", "), compared]))
                self.assertEqual(used - known_labels, set(), expression)


class DashboardTests(ExpressionCase):
    def setUp(self) -> None:
        self.dashboard: Any = json.loads(DASHBOARD.read_text())
        self.panels = [panel for panel in self.dashboard["panels"] if panel["type"] != "row"]

    def test_every_metric_it_shows_is_exported(self) -> None:
        expressions = [target["expr"] for panel in self.panels for target in panel["targets"]]
        self.assertGreater(len(expressions), 20)
        self.assert_exported(expressions)
        variables = self.dashboard["templating"]["list"]
        self.assert_exported([each["definition"] for each in variables if "definition" in each])

    def test_it_shows_every_metric_of_piecesd_but_those_that_only_say_what_it_is(self) -> None:
        text = DASHBOARD.read_text()
        missing = {
            metric.name
            for metric in exported().values()
            if metric.name.startswith("piecesd_")
            if not any(f"{name}{{" in text for name in series(metric))
        }
        self.assertEqual(missing, {"piecesd_build_info", "piecesd_draining"})

    def test_no_two_panels_are_the_same_or_lie_on_each_other(self) -> None:
        self.assertEqual(len({panel["id"] for panel in self.panels}), len(self.panels))
        taken: set[tuple[int, int]] = set()
        for panel in self.panels:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            self.assertEqual(taken & cells, set(), panel["title"])
            self.assertLessEqual(place["x"] + place["w"], 24)
            taken |= cells

    def test_every_panel_asks_the_data_source_that_is_chosen(self) -> None:
        for panel in self.panels:
            self.assertEqual(panel["datasource"]["uid"], "${datasource}")


class AlertTests(ExpressionCase):
    def setUp(self) -> None:
        groups = yaml.safe_load(ALERTS.read_text())["groups"]
        self.rules = [rule for group in groups for rule in group["rules"]]

    def test_every_metric_they_look_at_is_exported(self) -> None:
        self.assert_exported([rule["expr"] for rule in self.rules])

    def test_each_has_a_name_of_its_own_a_severity_and_words_for_people(self) -> None:
        self.assertEqual(len({rule["alert"] for rule in self.rules}), len(self.rules))
        for rule in self.rules:
            self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
            self.assertEqual(set(rule["annotations"]), {"summary", "description"})

    @skipUnless(which("promtool"), "no promtool here, which Prometheus brings")
    def test_prometheus_can_read_them(self) -> None:
        promtool = which("promtool")
        assert promtool is not None
        done = subprocess.run(
            [promtool, "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class TableTests(SynchronousTestCase):
    """The table in docs/operations.md."""

    def test_it_has_every_metric_of_piecesd_as_it_is(self) -> None:
        rows = [row for row in Page(Path(ROOT, "docs", "operations.md")).rows if len(row) == 4]
        (head,) = [row for row in rows if row[0] == "metric"]
        self.assertEqual(head, ["metric", "type", "labels", "meaning"])
        told = {row[0].strip("`"): row[1:3] for row in rows if row[0].startswith("`piecesd_")}
        have = {
            metric.name + ("_total" if metric.type == "counter" else ""): [
                metric.type,
                ", ".join(f"`{label}`" for label in sorted(labels()[metric.name])),
            ]
            for metric in exported().values()
            if metric.name.startswith("piecesd_")
        }
        self.assertEqual(told, have)
