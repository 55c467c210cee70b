"""The alerts and the dashboard ask for metrics and labels that there are. The rest only promtool can say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ops.catalogue import METRICS, Kind

if TYPE_CHECKING:
    from tests.ops.conftest import Server

OPS = Path(__file__).parents[2] / "ops"
ALERTS: list[dict[str, Any]] = yaml.safe_load((OPS / "alerts.yml").read_text())["groups"][0]["rules"]
PANELS: list[dict[str, Any]] = json.loads((OPS / "dashboard.json").read_text())["panels"]
ASKED = {
    "a low hit rate": "ChairtimeHitRateLow",
    "a mismatch": "ChairtimeMismatch",
    "size": "ChairtimeCacheLarge",
    "an invalidation spike": "ChairtimeInvalidationSpike",
    "a silent listener": "ChairtimeListenerSilent",
    "p95 over 10 ms": "ChairtimeQueriesSlow",
}
OF_PROMETHEUS = {"job", "instance", "le"}
SAMPLE = re.compile(r"(chairtime_\w+)(?:\{([^}]*)\})?(\[)?")
BY = re.compile(r"by \(([^)]*)\)")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!=|!~|=)\s*"')


def expressions() -> Iterator[Any]:
    for alert in ALERTS:
        yield pytest.param(alert["expr"], id=alert["alert"])
    for panel in PANELS:
        for target in panel["targets"]:
            yield pytest.param(target["expr"], id=f"{panel['title']}: {target['refId']}")


def bare(sample: str) -> str:
    """The metric that a sample is of."""
    name = re.sub("_(bucket|count|sum)$", "", sample)
    return name if name in METRICS and METRICS[name].kind is Kind.HISTOGRAM else sample


@pytest.mark.parametrize("expression", list(expressions()))
def test_it_asks_for_what_there_is(expression: str) -> None:
    labels: set[str] = set()
    for sample, matchers, window in SAMPLE.findall(expression):
        assert bare(sample) in METRICS, f"there is no {sample}"
        known = OF_PROMETHEUS | set(METRICS[bare(sample)].labels)
        assert set(MATCHER.findall(matchers)) <= known
        assert (
            bool(window) == (METRICS[bare(sample)].kind in (Kind.COUNTER, Kind.HISTOGRAM))
            or "sum by (found_by)" in expression
        )
        labels |= known
    assert labels, "it asks for nothing"
    assert {one.strip() for group in BY.findall(expression) for one in group.split(",")} <= labels
    assert expression.count("(") == expression.count(")")


async def test_what_they_ask_for_is_shown(server: Server) -> None:
    """The real output, not the list it is made from."""
    async with server.client.http.get(f"{server.root}/metrics") as response:
        shown = set(re.findall(r"^# TYPE (\w+) ", await response.text(), re.MULTILINE))

    asked = {bare(sample) for one in expressions() for sample, _, _ in SAMPLE.findall(one.values[0])}

    assert asked - shown == set()


def test_every_metric_is_on_the_dashboard() -> None:
    drawn = {bare(found[0]) for panel in PANELS for one in panel["targets"] for found in SAMPLE.findall(one["expr"])}

    assert METRICS.keys() - drawn == set()


@pytest.mark.parametrize("name", ASKED.values(), ids=ASKED.keys())
def test_there_is_an_alert_for(name: str) -> None:
    (alert,) = [one for one in ALERTS if one["alert"] == name]

    assert alert["labels"]["severity"] in ("warning", "critical")
    assert alert["annotations"].keys() == {"summary", "description"}


def test_panels_have_places_of_their_own() -> None:
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS}

    assert len(places) == len({panel["id"] for panel in PANELS}) == len(PANELS)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here, and not on PyPI")
def test_promtool_takes_the_alerts() -> None:
    subprocess.run(["promtool", "check", "rules", OPS / "alerts.yml"], check=True)
