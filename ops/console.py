"""What a server and its commands say to whoever starts them."""

from __future__ import annotations

import json
import socket
import sys
import time
from datetime import UTC, datetime, timedelta

EXAMPLE = (
    "{ stylists(limit: 3) { name services { service { name } "
    'availableSlots(date: "%s") { freeCount slots(status: AVAILABLE) { display startUtc priceCents } } } } }'
)


def welcome(listening: socket.socket, seconds: float, *, has_tenant: bool, is_hardened: bool) -> None:
    """What to do next, for whoever started this."""
    host, port = listening.getsockname()[:2]
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    how = "by POST (the profile is hardened: there is no GraphiQL)" if is_hardened else "in a browser for the API"
    say(f"\nReady in {seconds:.1f} s. The booking page: {base}\nOpen {base}/graphql {how}, or paste this:\n")
    query = EXAMPLE % (datetime.now(UTC).date() + timedelta(1))
    say(f"curl -s {base}/graphql -H 'content-type: application/json' -d '{json.dumps({'query': query})}'\n")
    if not has_tenant:
        say("There is no business yet: python server.py demo, or python server.py import FILE\n")
    say("Stop with Ctrl-C; the data stays.")


def say(line: str) -> None:
    """A line for whoever started this."""
    print(line, flush=True)


class Progress:
    """Says how far something is, at most a few times a second, and at the end."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._spoke = 0.0

    def __call__(self, kind: str, done: int, total: int) -> None:
        if done >= total or time.monotonic() - self._spoke > (0.2 if sys.stderr.isatty() else 2.0):
            self._spoke = time.monotonic()
            end = "\n" if done >= total or not sys.stderr.isatty() else "\r"
            print(f"{self._what}: {kind} {done:,} of {total:,}   ", end=end, file=sys.stderr, flush=True)
