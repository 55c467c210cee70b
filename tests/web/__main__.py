"""The pages in a real browser, against a server of their own with the demo business: make test-web.

Types first, then the build, then every web/tests/*.test.mjs. Arguments are files of them, by name.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ops import node, web

ROOT = Path(__file__).parent.parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
READY = re.compile(r"The booking page: (http://\S+)")
STOP_MAX_S = 15


def main() -> int:
    """0 if all is as it should be; 2 if it cannot be tested here, which says what is missing."""
    found, browser = node.find(), next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None or browser is None:
        print(node.HOW_TO_HAVE if found is None else "no Chromium here: apt-get install chromium", file=sys.stderr)
        return 2
    if failure := found.failure_to_install(web.WEB):
        print(failure, file=sys.stderr)
        return 1
    environment = found.environment()
    subprocess.run([*found.npm, "run", "--silent", "types"], cwd=web.WEB, check=True, env=environment)
    if not web.is_built() and (failure := web.build()):
        print(failure, file=sys.stderr)
        return 1
    names = sys.argv[1:] or sorted(path.name for path in (web.WEB / "tests").glob("*.test.mjs"))
    with tempfile.TemporaryDirectory(prefix="chairtime-web-") as folder, serving(Path(folder)) as url:
        told = {"CHAIRTIME_URL": url, "CHAIRTIME_DATA_DIR": folder, "PYTHON": sys.executable, "BROWSER": browser}
        tests = [web.WEB / "tests" / name for name in names]
        command = [
            found.program,
            "--test",
            "--test-concurrency=1",
            "--test-timeout=180000",
            "--test-reporter=spec",
            *tests,
        ]
        return subprocess.run(command, cwd=ROOT, check=False, env=environment | told).returncode


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """A server with the demo business, as `make run` starts it; its address."""
    command = [sys.executable, "server.py", "serve", "--demo", "--port", "0", "--data-dir", str(folder)]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    try:
        yield next(found[1] for line in server.stdout if (found := READY.search(line)))
    finally:
        server.terminate()
        server.wait(STOP_MAX_S)


if __name__ == "__main__":
    os.environ.setdefault("TZ", "UTC")
    sys.exit(main())
