"""What GraphQL over HTTP settles before there is an operation: the media type of the answer, and whose pages may ask."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

JSON = "application/json"
RESPONSE = "application/graphql-response+json"
EVENTS = "text/event-stream"
# What may name each. A stream of events goes to nobody who has not named it.
RANGES = {
    JSON: (JSON, "application/*", "*/*"),
    RESPONSE: (RESPONSE, "application/*", "*/*"),
    EVENTS: (EVENTS,),
}
WEIGHT = re.compile(r"q=([01](?:\.\d{0,3})?)")
REMEMBERED_LENGTH_MAX = 300  # of an Accept header; a longer one is read anew each time
# Headers that no page can send to another origin before that has agreed to it (a preflight): Apollo's, and our own.
NEED_PREFLIGHT = ("X-Session-Id", "X-Tenant", "Apollo-Require-Preflight", "X-Apollo-Operation-Name")


def of_answer(accept: str | None) -> str | None:
    """What an Accept header prefers of JSON and GraphQL's own type: by weight, then the one it names, then the one it names
    first. JSON where it says nothing; None where it wants neither, or would rather have a stream of events.
    """
    if not accept:
        return JSON
    return _remembered(accept) if len(accept) <= REMEMBERED_LENGTH_MAX else _preferred(accept)


def is_pushed(headers: Mapping[str, str]) -> bool:
    """Whether a page of another origin has a browser ask us, in a way for which the browser asks nobody's leave."""
    return headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin") and is_simple(headers)


def is_simple(headers: Mapping[str, str]) -> bool:
    """Whether a browser sends such headers for pages of other origins without asking leave."""
    return not any(name in headers for name in NEED_PREFLIGHT) and _named(headers.get("Content-Type", "")) != JSON


def _preferred(accept: str) -> str | None:
    weights = {_named(part): _weight(part) for part in accept.split(",")}
    named = list(weights)

    def rank(media: str) -> tuple[float, int]:
        found = next((one for one in RANGES[media] if one in weights), None)
        return weights[found] if found else 0.0, -(named.index(media) if found == media else len(named))

    best = max(RANGES, key=rank)
    return best if rank(best)[0] and best != EVENTS else None


_remembered = lru_cache(maxsize=200)(_preferred)


def _named(part: str) -> str:
    """A media type or range without its parameters."""
    return part.split(";", 1)[0].strip().lower()


def _weight(part: str) -> float:
    found = (WEIGHT.fullmatch(one.strip().lower()) for one in part.split(";")[1:])
    return next((float(one[1]) for one in found if one), 1.0)
