"""Which media type an Accept header gets, and which requests a page of another site has pushed a browser into."""

from __future__ import annotations

import pytest

from execution import media
from execution.media import JSON, RESPONSE

SENT = {
    None: JSON,
    "": JSON,
    "*/*": JSON,
    "application/*": JSON,
    JSON: JSON,
    RESPONSE: RESPONSE,
    "Application/GraphQL-Response+JSON; charset=utf-8": RESPONSE,
    f"{RESPONSE}, {JSON};q=0.9": RESPONSE,
    f"{JSON};q=0.9, {RESPONSE}": RESPONSE,
    f"{RESPONSE};q=0.5, */*": JSON,
    f"{RESPONSE};q=0, */*": JSON,
    f"{JSON};q=0, */*;q=0.1": RESPONSE,
    f"{JSON}, {RESPONSE}": JSON,
    f"{RESPONSE}, {JSON}": RESPONSE,
    f"*/*, {RESPONSE}": RESPONSE,
    f"{RESPONSE};q=nonsense, {JSON};q=0.9": RESPONSE,
    f"{JSON}, multipart/mixed": JSON,
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": JSON,
    "image/*": None,
    f"{JSON};q=0": None,
    "text/event-stream": None,
    f"text/event-stream, {JSON}": None,
    f"{JSON};q=0.9, text/event-stream": None,
    f"{JSON}, text/event-stream": JSON,
    f"{JSON};q=0.5, {RESPONSE};q=0.5, */*": JSON,
    f"{RESPONSE}, application/graphql+json, {JSON}, text/event-stream, multipart/mixed": RESPONSE,
    ",;=" * 1000: None,
    f"{RESPONSE}, {'x/y, ' * 1000}": RESPONSE,
}


@pytest.mark.parametrize("accept", SENT, ids=lambda accept: str(accept)[:60])
def test_an_accept_header_gets_what_it_prefers(accept: str | None) -> None:
    assert media.of_answer(accept) == SENT[accept]


@pytest.mark.parametrize(
    "headers, is_pushed",
    [
        ({}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain; application/json"}, True),
        ({"Sec-Fetch-Site": "cross-site", "Content-Type": "Application/JSON; charset=utf-8"}, False),
        ({"Sec-Fetch-Site": "cross-site", "X-Session-Id": "someone"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Apollo-Require-Preflight": "1"}, False),
    ],
)
def test_a_page_of_another_site_needs_leave(headers: dict[str, str], is_pushed: bool) -> None:
    assert media.is_pushed(headers) is is_pushed
