"""What bench.http makes of figures: medians, ratios, judgements, the README's section and the plot."""

from __future__ import annotations

from array import array
from datetime import date
from xml.etree import ElementTree

import orjson
import pytest

from bench.http import answers, plot, readme, report, salon, works
from bench.http.client import Load
from bench.http.report import Figures, Sample, Target
from resolvers import salon_file

BARE, CACHED, VERIFIED = works.BARE, works.CACHED, works.VERIFIED


def sample(rate: float) -> Sample:
    return Sample(rate=rate, cpu_us=1e6 / rate, p50_us=100, p99_us=400, own_cpu_us=20)


@pytest.fixture
def figures() -> Figures:
    """Two variants whose ratio is 0.9 in most rounds, though the machine was slow in one."""
    found = Figures()
    for bare, cached in ((1000, 900), (500, 450), (1000, 100)):
        found.add(works.MODAL_16, BARE, sample(bare))
        found.add(works.MODAL_16, CACHED, sample(cached))
    return found


@pytest.mark.parametrize(
    ("values", "share", "found"), [([], 0.5, 0.0), ([3.0], 0.99, 3.0), ([4.0, 1.0, 3.0, 2.0], 0.5, 3.0)]
)
def test_quantiles(values: list[float], share: float, found: float) -> None:
    assert report.quantile(values, share) == found


def test_a_sample_is_a_load_by_request() -> None:
    load = Load(seconds=2.0, latencies=array("d", [0.001, 0.001, 0.001, 0.004]), own_cpu_s=0.0004)

    found = Sample.of(load, 0.02)

    assert found.rate == 2.0
    assert found.cpu_us == pytest.approx(5000)
    assert found.tail == pytest.approx(4)
    assert found.own_cpu_us == pytest.approx(100)


def test_ratios_are_taken_within_a_round(figures: Figures) -> None:
    assert figures.ratio((works.MODAL_16, CACHED), (works.MODAL_16, BARE)) == pytest.approx(0.9)
    assert figures.median(works.MODAL_16, BARE, "rate") == 1000
    assert figures.median(works.WALL_NAME, BARE, "rate") is None


def test_targets_are_judged(figures: Figures) -> None:
    found = {target.what: target.verdict for target in report.targets(figures)}

    assert found[f"{works.MODAL_16}: {CACHED} / {BARE}"] == "ok"
    assert found[f"{works.MODAL_16}: {VERIFIED} / {BARE}"] == "not measured"
    assert Target("", 0.2, ">=", 0.3).verdict == "MISSED"
    assert Target("", 0.2, "<=", 0.3).verdict == "ok"


def test_the_plot_is_xml_with_a_bar_for_each_figure(figures: Figures) -> None:
    found = ElementTree.fromstring(plot.svg(figures))

    bars = found.findall("{http://www.w3.org/2000/svg}rect")
    assert [one.get("class") for one in bars] == ["bar", "bar ours"]
    assert "prefers-color-scheme: dark" in plot.svg(figures)


def test_the_plot_of_nothing_is_xml() -> None:
    ElementTree.fromstring(plot.svg(Figures()))


def test_the_readme_keeps_what_is_around_the_marks() -> None:
    text = f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter"

    assert readme.between(text, "new") == f"before\n{readme.BEGIN}\n\nnew\n\n{readme.END}\nafter"
    with pytest.raises(ValueError, match="no <!--"):
        readme.between("no marks", "new")


def test_the_readme_has_a_line_for_each_work(figures: Figures) -> None:
    assert readme.ratios(figures) == [
        ("work", BARE, CACHED),
        (works.MODAL_16, "1,000/s (1000 us)", "0.90 (1.1)"),
    ]


def test_answers_are_compared_without_what_depends_on_the_moment() -> None:
    def answer(**cache: object) -> bytes:
        return orjson.dumps({"data": {"days": [{"cache": {"version": "1.2", **cache}}]}})

    assert answers.comparable(answer(hit=True)) == answers.comparable(answer(hit=False))
    assert answers.comparable(answer(hit=True)) != answers.comparable(answer())
    assert answers.comparable(answer(version="1.3")) != answers.comparable(answer())


def test_the_salon_is_one_that_can_be_imported() -> None:
    found = salon_file.parse(orjson.dumps(salon.salon(date(2026, 3, 1))))

    assert len(found.stylists) == len(salon.STYLISTS) == 20


def test_different_bodies_are_different() -> None:
    many = next(one for one in works.works(date(2026, 3, 1), many=works.MANY) if one.name == works.MANY_NAME)

    assert len(set(many.bodies("CACHED"))) == works.MANY == 3_000
