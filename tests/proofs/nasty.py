"""What nobody should send, made of a seed: bytes, JSON of any kind, and requests that are almost right."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from tests.conftest import SALON

ASHA, CUT = SALON["stylists"][0]["id"], SALON["services"][0]["id"]
QUERIES = (
    "{ tenant { id name } }",
    "query A($limit: Int = 3) { stylists(limit: $limit) { ...S } } fragment S on Stylist { name services { priceCents } }",
    f'{{ availableSlots(stylistId: "{ASHA}", serviceId: "{CUT}", date: "2027-03-01") {{ slots {{ startUtc status }} }} }}',
    'query ($s: ID!, $f: Date!, $z: String) { stylist(id: $s) { availability(serviceId: "x", from: $f, to: $f, timezone: $z)'
    " { freeCount cache { version } } } }",
    "mutation M($i: HoldPlaceInput!) { holdPlace(input: $i) { __typename ... on Problem { message } ... on Hold { id } } }",
    'subscription { availabilityChanged(stylistIds: ["x"], serviceId: "y", from: "2027-01-01", to: "2027-01-01") { at } }',
    "query Q { __schema { types { name fields { name } } } } query R { locations { id @skip(if: true) } }",
)
SCRAPS = (
    *"{}[]()!$:@=|&\"'\\,.# \n\t\r\0\x7f\ufeff\u2028é\U0001f484",
    *(
        "...",
        '"""',
        "on ",
        "null",
        "true",
        "-1",
        "1e999",
        "9" * 5_000,
        "fragment F on Query { ...F }",
        "\\u0000",
        "\\ud800",
    ),
    *(
        "query ",
        "mutation ",
        "subscription ",
        "@include(if: $x)",
        "{" * 300,
        "[" * 300,
        "a:" * 300,
        "\\u{110000}",
        "# x\n",
    ),
)
TEXTS = (
    "",
    "\0",
    "x",
    "é" * 90,
    "\ud800",
    "2027-02-30",
    "2027-03-01T00:00:00Z",
    ASHA,
    "Asia/Kathmandu",
    "'; drop table x",
    "a" * 9_000,
)
NUMBERS: tuple[Any, ...] = (0, -1, 2**31, 2**63, 2**64, 10**30, 1.5, -0.0, 1e308, float("nan"), float("inf"))
MEMBERS = ("query", "variables", "operationName", "extensions", "id", "type", "payload", "documentId", "__proto__", "")
NAMES = ("s", "f", "z", "i", "limit", "unknown", "\0")
WHOLE = (
    b"[" * 90_000,
    b'{"a":' * 15_000,
    b'{"query":"{ tenant { id } }","variables":{"a":' + b"[" * 40_000 + b"]" * 40_000 + b"}}",
    b'{"query":"{ tenant { id } }","variables":{"a":' + b"9" * 5_000 + b"}}",
    b'{"query":"' + b"{ a " * 20_000 + b'"}',
    b'{"query":"' + b"\\ud800" * 1_000 + b'"}',
    *(
        b"",
        b"null",
        b"true",
        b"0",
        b'"x"',
        b"{}",
        b"[]",
        b"[{}]",
        b"\xff\xfe",
        b"\xc3\x28",
        b"\xed\xa0\x80",
        b"\x00",
        b"\xef\xbb\xbf{}",
    ),
)
TYPES = (
    "connection_init",
    "subscribe",
    "complete",
    "ping",
    "pong",
    "next",
    "error",
    "connection_ack",
    "start",
    "stop",
    "",
    "\0",
)


def body(seed: int) -> bytes:
    """A body of a POST."""
    rng = random.Random(seed)
    made = rng.choice((_bytes, _whole, _any_json, _request, _request, _request, _spoiled))(rng)
    return made if isinstance(made, bytes) else _encoded(made, rng)


def message(seed: int) -> bytes | str:
    """A message of a WebSocket, as text or as bytes."""
    rng = random.Random(seed)
    made = rng.choice((_bytes, _whole, _any_json, _message, _message, _message, _message))(rng)
    encoded = (made if isinstance(made, bytes) else _encoded(made, rng))[:65_000]
    return encoded if rng.random() < 0.1 else encoded.decode(errors="replace")


def _encoded(value: Any, rng: random.Random) -> bytes:
    return json.dumps(value, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")


def _bytes(rng: random.Random) -> bytes:
    return rng.randbytes(rng.choice((1, 2, 10, 100, 3_000)))


def _whole(rng: random.Random) -> bytes:
    return rng.choice(WHOLE)


def _any_json(rng: random.Random, depth: int = 0) -> Any:
    kinds: list[Callable[[], Any]] = [
        lambda: rng.choice(TEXTS),
        lambda: rng.choice(NUMBERS),
        lambda: rng.choice((None, True, False)),
    ]
    if depth < 4:
        kinds.append(lambda: [_any_json(rng, depth + 1) for _ in range(rng.randrange(4))])
        kinds.append(lambda: {rng.choice(MEMBERS + NAMES): _any_json(rng, depth + 1) for _ in range(rng.randrange(5))})
    return rng.choice(kinds)()


def _request(rng: random.Random) -> dict[str, Any]:
    """With some of its members right, and some of anything."""
    found: dict[str, Any] = {"query": _query(rng)}
    if rng.random() < 0.6:
        found["variables"] = {name: _any_json(rng, 2) for name in rng.sample(NAMES, rng.randrange(len(NAMES)))}
    if rng.random() < 0.2:
        found["operationName"] = rng.choice(("A", "M", "Q", "", None, "\0", 5))
    if rng.random() < 0.1:
        found["extensions"] = rng.choice(({}, [], {"persistedQuery": _any_json(rng, 2)}))
    if rng.random() < 0.15:
        found[rng.choice(MEMBERS)] = _any_json(rng)
    return found


def _query(rng: random.Random) -> str:
    text = rng.choice(QUERIES)
    for _ in range(rng.choice((0, 0, 1, 1, 2, 5))):
        at, end = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        text = rng.choice(
            (
                text[:at] + rng.choice(SCRAPS) + text[at:],
                text[:at] + text[min(end, at + 5) :],
                text[:end] + text[at:],
                text[:at] + rng.choice(QUERIES)[at:],
            )
        )[:20_000]
    return text


def _spoiled(rng: random.Random) -> bytes:
    """A request of which some bytes are others."""
    found = bytearray(_encoded(_request(rng), rng))
    for _ in range(rng.randrange(1, 6)):
        found[rng.randrange(len(found))] = rng.randrange(256)
    return bytes(found)


def _message(rng: random.Random) -> Any:
    found: dict[str, Any] = {"type": rng.choice(TYPES)}
    if rng.random() < 0.8:
        found["id"] = rng.choice(("1", "1", "2", "", 5, None, [], {}, "\0"))
    if rng.random() < 0.8:
        found["payload"] = _request(rng) if rng.random() < 0.8 else _any_json(rng)
    if rng.random() < 0.1:
        found.pop(rng.choice(list(found)))
    return found
