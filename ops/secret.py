"""The secret that tokens are signed with."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from db.pool import StartupError

SECRET_LENGTH_MIN = 32


def secret_of(data_dir: Path) -> str:
    """The secret from the environment, else one of the data folder's own, made at first use. Raises StartupError."""
    secret = given_secret()
    if secret is not None:
        return secret
    file = data_dir / "jwt-secret"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with (
            contextlib.suppress(FileExistsError),
            open(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new,
        ):
            new.write(secrets.token_urlsafe(48))
        return _long_enough(file.read_text())
    except OSError as error:
        raise StartupError(f"--data-dir {data_dir}: {error.strerror}") from None


def given_secret() -> str | None:
    """The environment's own, CHAIRTIME_JWT_SECRET. Raises StartupError when it is too short."""
    secret = os.environ.get("CHAIRTIME_JWT_SECRET")
    return None if secret is None else _long_enough(secret)


def _long_enough(secret: str) -> str:
    if len(secret) < SECRET_LENGTH_MIN:
        raise StartupError(
            f"CHAIRTIME_JWT_SECRET has {len(secret)} characters; at least {SECRET_LENGTH_MIN} are needed"
        )
    return secret
