"""docs/webhooks.md's ways to check a signature, run as they stand there."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain import webhooks
from ops import node

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
SECRET = webhooks.secret_of(bytes(range(32)))
BODY = '{"type": "booking.confirmed", "name": "आशा"}'
ID = "44444444-0000-4000-8000-000000000001"


def snippet(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def headers(at: int | None = None, *, secret: str = SECRET, body: str = BODY) -> dict[str, str]:
    timestamp = int(time.time()) if at is None else at
    return {
        "webhook-id": ID,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": webhooks.signature(secret, message_id=ID, timestamp=timestamp, body=body),
    }


def cases() -> dict[str, tuple[dict[str, str], str, bool]]:
    right = headers()
    return {
        "right": (right, BODY, True),
        "one of several": ({**right, "webhook-signature": f"v1,AAAA {right['webhook-signature']}"}, BODY, True),
        "another body": (right, BODY + " ", False),
        "another id": ({**right, "webhook-id": "other"}, BODY, False),
        "another secret": (headers(secret=webhooks.secret_of(bytes(32))), BODY, False),
        "another time": ({**right, "webhook-timestamp": str(int(time.time()) + 1)}, BODY, False),
        "an old one": (headers(int(time.time()) - 600), BODY, False),
        "no time": ({**right, "webhook-timestamp": "soon"}, BODY, False),
        "an empty signature": ({**right, "webhook-signature": ""}, BODY, False),
    }


def test_in_python() -> None:
    made: dict[str, Any] = {}
    exec(snippet("python"), made)
    is_ours: Callable[[str, dict[str, str], bytes], bool] = made["is_ours"]

    found = {name: is_ours(SECRET, given, body.encode()) for name, (given, body, _) in cases().items()}

    assert found == {name: expected for name, (_, _, expected) in cases().items()}


async def test_in_node(tmp_path: Path) -> None:
    program = node.find()
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(node.HOW_TO_HAVE)
    asked = {name: [given, body] for name, (given, body, _) in cases().items()}
    (tmp_path / "check.mjs").write_text(
        f"{snippet('js')}\nconst asked = {json.dumps(asked)}\n"
        "const found = Object.entries(asked).map(([name, [headers, body]]) =>"
        f" [name, isOurs({json.dumps(SECRET)}, headers, Buffer.from(body))])\n"
        "console.log(JSON.stringify(Object.fromEntries(found)))\n"
    )

    process = await asyncio.create_subprocess_exec(
        program.program, tmp_path / "check.mjs", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)

    assert json.loads(output) == {name: expected for name, (_, _, expected) in cases().items()}


def test_the_signature_is_standard_webhooks_own_example() -> None:
    """From its specification's reference libraries: secret, id, timestamp and body with the signature that they give."""
    found = webhooks.signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body='{"test": 2432232314}',
    )

    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
