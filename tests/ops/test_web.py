"""Building the pages: only when their sources changed, and where it cannot be, with a word why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ops import node, web
from ops.node import Node
from schema import page


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like web/, not built."""
    folder = tmp_path / "web"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.tsx").write_text("the page")
    monkeypatch.setattr(web, "WEB", folder)
    monkeypatch.setattr(web, "MADE_OF", folder / "dist" / ".made-of")
    monkeypatch.setattr(page, "FILES", folder / "dist")
    monkeypatch.setattr(page, "WHY_MISSING", folder / "dist-missing.txt")
    monkeypatch.setattr(sys, "argv", ["ops.web", "--quiet"])
    return folder


@pytest.fixture
def builds(sources: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each build that is made, by a Node that needs nothing."""
    made: list[str] = []

    def vite(_found: Node) -> str | None:
        (sources / "dist").mkdir(exist_ok=True)
        made.append((sources / "src" / "main.tsx").read_text())
        return None

    monkeypatch.setattr(node, "find", lambda: Node("node", ["npm"]))
    monkeypatch.setattr(Node, "failure_to_install", lambda *_, **__: None)
    monkeypatch.setattr(web, "_vite", vite)
    return made


def test_it_is_built_once_and_again_when_a_source_changes(sources: Path, builds: list[str]) -> None:
    for _ in range(2):
        assert web.main() == 0
    (sources / "src" / "main.tsx").write_text("the page, better")
    assert web.main() == 0

    assert builds == ["the page", "the page, better"]


def test_without_node_the_server_starts_all_the_same_and_the_reason_is_kept(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(node, "find", lambda: None)
    monkeypatch.setattr(web, "_node_from_pypi", lambda: None)

    assert web.main() == 0
    assert "no Node 20.19" in page.WHY_MISSING.read_text()
    assert "the API works without them" in capsys.readouterr().out

    monkeypatch.setattr(sys, "argv", ["ops.web"])
    assert web.main() == 1


def test_a_build_that_works_again_takes_the_reason_away(sources: Path, builds: list[str]) -> None:
    page.WHY_MISSING.write_text("no Node")

    assert web.main() == 0

    assert not page.WHY_MISSING.exists()


def test_which_nodes_are_new_enough() -> None:
    versions = {
        (18, 20): False,
        (20, 18): False,
        (20, 19): True,
        (21, 7): False,
        (22, 11): False,
        (22, 12): True,
        (24, 1): True,
    }

    assert {version: node._is_new_enough(version) for version in versions} == versions
