"""The audit suite of GraphQL over HTTP (npm's graphql-http), against the server as it is."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from ops import node
from ops.node import Node
from tests.conftest import Client, Salon

FOLDER = Path(__file__).parent
AUDITS = 61
TIMEOUT_S = 60


@pytest.fixture(scope="session")
def found() -> Node:
    """Node, with the suite installed. Only where nobody said that this is CI may it be missing."""
    found = node.find()
    why_not = node.HOW_TO_HAVE if found is None else found.failure_to_install(FOLDER)
    if found is None or why_not:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not audited: {why_not}")
    return found


async def test_every_audit_is_passed(found: Node, client: Client, salon: Salon) -> None:
    process = await asyncio.create_subprocess_exec(
        found.program, FOLDER / "audit.mjs", client.url, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    results = json.loads(output)
    failed = [one for one in results if one["status"] != "ok"]

    assert len(results) == AUDITS
    assert not failed, "\n".join("{id} {name}: {reason}, but {answered}".format_map(one) for one in failed)
