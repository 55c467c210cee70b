"""Which processes a run needs, and how each is started; one that cannot be is left out, with a word."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.http import servers
from bench.http.works import OPTIONS_IF_KNOWN, OURS
from ops import node
from ops.node import Command

FOLDER = servers.ROOT / "bench" / "peers"
PAIRS, VALUES = "pairs", "values.json"


@dataclass(frozen=True, slots=True)
class Skipped:
    """Why a server is not there."""

    name: str
    reason: str


def ours(database_url: str, data: Path) -> Iterator[tuple[str, Command] | Skipped]:
    """Our own server in each of its forms, on one database."""
    has = servers.options_of_serve()
    common = [word for option in OPTIONS_IF_KNOWN if has(option[0]) for word in option]
    for name, options in OURS.items():
        missing = [option for option in options if not has(option)]
        if missing:
            yield Skipped(name, f"`server.py serve` has no {' '.join(missing)}")
            continue
        where: Command = ["--port", "0", "--no-migrate", "--database-url", database_url, "--data-dir", data]
        yield name, [sys.executable, servers.ROOT / "server.py", "serve", *where, *common, *options]


def others(folder: Path) -> Iterator[tuple[str, Command] | Skipped]:
    """The peers, whose files are in a folder."""
    yield "bare", [sys.executable, "-m", "bench.peers.bare", folder / PAIRS]
    yield "stock-caches", [sys.executable, "-m", "bench.peers.stock", folder / VALUES, "--caches"]
    yield "stock", [sys.executable, "-m", "bench.peers.stock", folder / VALUES]
    found = node.find()
    if found is None:
        yield Skipped("mercurius", node.HOW_TO_HAVE)
    elif failure := found.failure_to_install(FOLDER):
        yield Skipped("mercurius", f"npm could not install bench/peers: {failure}")
    else:
        yield "mercurius", [found.program, FOLDER / "mercurius.js", folder / VALUES]
