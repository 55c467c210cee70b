"""/healthz and /readyz, while Postgres, the listener and the server come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import make_mocked_request

from ops import health
from ops.health import Health

if TYPE_CHECKING:
    from tests.ops.conftest import Server


async def ask(server: Server, path: str) -> tuple[int, Any]:
    async with server.client.http.get(f"{server.root}{path}") as response:
        found = await (response.json() if path == "/readyz" else response.text())
        return response.status, found


async def test_a_server_that_runs_is_alive_and_ready(server: Server, statements: list[str]) -> None:
    assert await ask(server, "/healthz") == (200, "ok")
    assert await ask(server, "/readyz") == (
        200,
        {"ready": True, "postgres": "answers", "listener": "listens", "server": "runs"},
    )
    assert statements == []


async def test_without_postgres_it_is_alive_and_not_ready(server: Server) -> None:
    await server.app.database.close()

    status, found = await ask(server, "/readyz")

    assert (status, found["ready"], found["postgres"]) == (503, False, "does not answer")
    assert await ask(server, "/healthz") == (200, "ok")


async def test_a_postgres_that_stalls_is_not_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ANSWER_MAX_S", 0.05)
    connection = server.app.database.connection
    async with connection(), connection(), connection():  # nobody else has a turn
        status, _ = await ask(server, "/readyz")

    assert status == 503


async def test_it_asks_postgres_once_a_second_however_many_ask_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    answers = server.app.database.answers

    async def counted() -> None:
        asked.append(1)
        await answers()

    monkeypatch.setattr(server.app.database, "answers", counted)
    monkeypatch.setattr(health, "TRUE_FOR_S", 60)

    found = [await ask(server, "/readyz") for _ in range(5)]

    assert [status for status, _ in found] == [200] * 5
    assert len(asked) == 1


async def test_without_a_listener_it_is_ready_for_cached_is_verified_then(server: Server) -> None:
    await server.listener.stop()

    status, found = await ask(server, "/readyz")

    assert (status, found["ready"], found["listener"]) == (200, True, "does not listen")


async def test_a_server_that_ends_is_not_ready(server: Server) -> None:
    leaving = Health(server.app.database, server.listener)
    await leaving.leave(None)  # type: ignore[arg-type]

    answer = await leaving.readyz(make_mocked_request("GET", "/readyz"))

    assert answer.status == 503
    assert b'"ready":false' in (answer.body or b"")  # type: ignore[operator]
