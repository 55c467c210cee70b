"""Where a server listens: sockets that are taken before anything else is begun."""

from __future__ import annotations

import ipaddress
import socket
from typing import NamedTuple

from db.pool import StartupError
from ops.settings import Settings


class Sockets(NamedTuple):
    """Where to listen. metrics: for /metrics by itself, if not beside the rest."""

    main: socket.socket
    metrics: socket.socket | None = None

    def close(self) -> None:
        """Takes no more connections."""
        self.main.close()
        if self.metrics:
            self.metrics.close()


def bind_all(settings: Settings) -> Sockets:
    """The listening sockets, taken before anything else is begun. Raises StartupError."""
    alone = settings.metrics_address
    return Sockets(bind(settings.host, settings.port), bind(*alone, "--metrics-address") if alone else None)


def bind(host: str, port: int, options: str = "--host and --port") -> socket.socket:
    """A listening socket. options: which say where. Raises StartupError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise StartupError(f"cannot listen on {host}:{port}: {error.strerror}; choose another with {options}") from None
    return listening


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address, as far as its name says."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
