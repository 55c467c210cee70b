"""The profile `hardened`: what somebody without a token of the staff learns of the schema, which is nothing."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from graphql import build_schema, get_introspection_query

from ops import running
from ops.guard import Guard
from resolvers import tokens
from resolvers.context import Role
from schema import page
from schema.errors import HIDDEN
from schema.operation import NO_INTROSPECTION
from schema.schema import schema
from schema.view import HEADER_MAX
from tests.conftest import SALON, TOKENS, Client, Served

if TYPE_CHECKING:
    from resolvers.app import App
    from tests.conftest import Salon

INTROSPECTION = "{ __schema { types { name fields { name } } } }"
HOLD = "mutation ($i: HoldPlaceInput!) { holdPlace(input: $i) { __typename } }"
NAMES = "{ services { name } }"
# What graphql-core says to who is wrong, and what guessers of schemas read from it.
TELLING = re.compile(
    "Did you mean|Cannot query|Unknown|must have a sel|of type|of required type|not defined|Field|Argument|represent|"
    "Variable|Expected"
)
WORDS = sorted({name for name in re.findall(r"\w+", schema.as_str()) if name[0].islower()})


@pytest.fixture
async def hardened(app: App, salon: Salon) -> AsyncIterator[Client]:
    """A server of the profile `hardened`."""
    server = Served(running.application(app, TOKENS, plans=True, guard=Guard(is_hardened=True)))
    await server.start_server(max_field_size=HEADER_MAX)
    async with aiohttp.ClientSession() as http:
        yield Client(http, str(server.make_url("/graphql")))
    await server.close()


def token(role: Role) -> str:
    slug = SALON["tenant"]["slug"]
    return tokens.make(TOKENS, role=role, tenant=slug, subject="sita", expires_in=timedelta(hours=1))


async def over_a_websocket(client: Client, query: str, **payload: str) -> Any:
    """The errors of an operation."""
    async with client.http.ws_connect(client.url, protocols=["graphql-transport-ws"]) as ws:
        await ws.send_json({"type": "connection_init", "payload": payload})
        await ws.receive_json(timeout=5)
        await ws.send_json({"id": "1", "type": "subscribe", "payload": {"query": query}})
        message = await ws.receive_json(timeout=5)
        return message["payload"] if message["type"] == "error" else message["payload"].get("errors")


async def test_a_stranger_s_operations_are_answered(hardened: Client) -> None:
    for _ in range(3):
        assert (await hardened.data(NAMES))["services"]
    assert await hardened.data("{ __typename }") == {"__typename": "Query"}


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(INTROSPECTION, id="all"),
        pytest.param('{ __type(name: "Query") { name } }', id="one type"),
        pytest.param(get_introspection_query(), id="as tools ask"),
        pytest.param("{ ...A } fragment A on Query { x: __schema { queryType { name } } }", id="in a fragment"),
        pytest.param("query { a: __typename __schema{__typename} }", id="between others"),
        pytest.param("subscription { __schema { __typename } }", id="by subscription"),
        pytest.param("mutation { __schema { __typename } }", id="by mutation"),
    ],
)
async def test_a_stranger_does_not_introspect(hardened: Client, query: str) -> None:
    answers = [await hardened.post(query, **who) for who in ({}, {"token": token(Role.CUSTOMER)}, {"token": "none"})]

    assert [answer.get("data") for answer in answers] == 3 * [None]
    assert [one["message"] for answer in answers for one in answer["errors"]] == 3 * [NO_INTROSPECTION]


async def test_staff_do_and_strangers_still_do_not(hardened: Client) -> None:
    """What is known of a document does not depend on who asked first."""
    for _ in range(3):
        found = await hardened.data(INTROSPECTION, token=token(Role.STAFF))
        assert len(found["__schema"]["types"]) > 50
    assert (await hardened.post(INTROSPECTION))["errors"][0]["message"] == NO_INTROSPECTION


async def test_a_websocket_tells_no_more(hardened: Client) -> None:
    told = await over_a_websocket(hardened, INTROSPECTION)
    hidden = await over_a_websocket(hardened, "{ service }")
    staff = await over_a_websocket(hardened, "{ servces }", authorization=f"Bearer {token(Role.STAFF)}")

    assert [one["message"] for one in told] == [NO_INTROSPECTION]
    assert [one["message"] for one in hidden] == [HIDDEN]
    assert "Did you mean" in staff[0]["message"]


@pytest.mark.parametrize(
    "query, variables",
    [
        pytest.param("{ servces { name } }", {}, id="a field"),
        pytest.param("{ services { nam } }", {}, id="a field of a type"),
        pytest.param("{ services }", {}, id="no selection"),
        pytest.param("{ tenant { name { x } } }", {}, id="a selection too many"),
        pytest.param("{ services(limi: 1) { name } }", {}, id="an argument"),
        pytest.param('{ services(limit: "x") { name } }', {}, id="an argument's type"),
        pytest.param("{ service { name } }", {}, id="an argument that is missing"),
        pytest.param("query ($a: Strin) { services { name } }", {}, id="a type"),
        pytest.param("{ ... on Servic { name } }", {}, id="a type of a fragment"),
        pytest.param("{ services @skp(if: true) { name } }", {}, id="a directive"),
        pytest.param("mutation { holdPlac }", {}, id="a mutation"),
        pytest.param("mutation { holdPlace(input: {stylist: 1}) { __typename } }", {}, id="an input's field"),
        pytest.param(
            HOLD,
            {"i": {"stylist": 1}},
            id="in variables",
        ),
        pytest.param(HOLD, {}, id="no variables"),
        pytest.param("{ " + " ".join(WORDS[:50]) + " }", {}, id="many at once"),
    ],
)
async def test_a_stranger_is_not_told_what_would_be_right(
    hardened: Client, query: str, variables: dict[str, Any]
) -> None:
    stranger = (await hardened.post(query, variables))["errors"]
    staff = (await hardened.post(query, variables, token=token(Role.STAFF)))["errors"]

    assert stranger == [{"message": HIDDEN, "extensions": {"code": "BAD_INPUT"}}]
    assert any(TELLING.search(one["message"]) for one in staff)


async def test_a_slip_of_the_pen_is_still_told(hardened: Client) -> None:
    (error,) = (await hardened.post("{ services { name }"))["errors"]

    assert error["message"].startswith("Syntax Error")
    assert error["locations"]


async def test_what_resolvers_say_is_told(hardened: Client) -> None:
    (error,) = (await hardened.post('{ service(id: "x") { name } }'))["errors"]

    assert "service" in str(error["path"])
    assert error["message"] != HIDDEN


async def test_who_guesses_names_recovers_no_schema(hardened: Client) -> None:
    """As clairvoyance does, with the schema's own names in its word list: a name is right if nothing is said against it."""
    query = schema.as_str().partition("type Query {")[2].partition("}")[0]
    words = sorted({*WORDS[::10], *re.findall(r"^  (\w+)", query, re.MULTILINE), "name", "durationMinutes", "limit"})
    said, right = set(), set()
    for word in words:
        for document in (f"{{ {word} }}", f"mutation {{ {word} }}", f"{{ services(limit: 1) {{ {word} }} }}"):
            answer = await hardened.post(document)
            said |= {error["message"] for error in answer.get("errors", ()) if "path" not in error}
            right |= {document} if "errors" not in answer else set()

    assert said == {HIDDEN}
    # Who sends a whole right document has its answer; of a root field alone that is no one.
    assert {document.partition("(")[0] for document in right} == {"{ services"}


async def test_the_open_profile_tells_all(client: Client, salon: Salon) -> None:
    found = await client.data(get_introspection_query())
    (error,) = (await client.post("{ servces { name } }"))["errors"]

    assert found["__schema"]["queryType"]["name"] == "Query"
    assert "Did you mean" in error["message"]


async def cop_finds(client: Client) -> dict[str, bool]:
    """The checks of graphql-cop (dolevf/graphql-cop, on no package index): what it sends, and what it calls a finding."""
    root = client.url.removesuffix("/graphql")

    async def text(path: str, **params: str) -> str:
        async with client.http.get(f"{root}{path}", params=params, headers={"Accept": "text/html,*/*"}) as response:
            return await response.text()

    async def asked(method: str = "POST", **how: Any) -> Any:
        async with client.http.request(method, client.url, **how) as response:
            try:
                return json.loads(await response.text())
            except ValueError:
                return {}

    async def post(query: str) -> Any:
        return await asked(json={"query": query})

    def has(answer: Any, *path: Any) -> bool:
        for name in path:
            try:
                answer = answer[name]
            except (KeyError, IndexError, TypeError):
                return False
        return bool(answer)

    pages = [await text(path) for path in ("/graphiql", "/playground", "/console", "/graphql")]
    circular = "{ __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }"
    fragments = "{ __schema { ...A } } fragment A on __Schema { __typename ...B } fragment B on __Schema { ...A }"
    return {
        "field suggestions": "Did you mean" in json.dumps(await post("query { __schema { directive } }")),
        "field suggestions of another field": "Did you mean" in json.dumps(await post("query { servces }")),
        "introspection": has(await post("query { __schema { types { name fields { name } } } }"), "data", "__schema"),
        "graphiql": any(word in page for page in pages for word in ("graphiql.min", "GraphiQL", "Playground")),
        "GET": has(await asked("GET", params={"query": "{__typename}"}), "data", "__typename"),
        "mutation by GET": has(await asked("GET", params={"query": "mutation {__typename}"}), "data", "__typename"),
        "POST of a form": has(await asked(data={"query": "query {__typename}"}), "data", "__typename"),
        "POST of parameters": has(await asked(params={"query": "query {__typename}"}), "data", "__typename"),
        "batches": isinstance(await asked(json=11 * [{"query": "query { __typename }"}]), list),
        "tracing": "tracing" in json.dumps(await post("query { __typename }")),
        "circular introspection": has(await post(circular), "data", "__schema"),
        "circular fragments": "errors" not in await post(fragments),
        "unhandled errors": has(await post("qwerty cop { abc }"), "errors", 0, "extensions", "exception"),
        "directives": len((await post("query { __typename " + 10 * "@aa" + " }")).get("errors", [])) == 10,
    }


async def test_graphql_cop_finds_nothing(hardened: Client) -> None:
    found = await cop_finds(hardened)

    assert [check for check, is_found in found.items() if is_found] == []


async def test_graphql_cop_would_find_something_in_the_open_profile(client: Client, salon: Salon) -> None:
    found = await cop_finds(client)

    # GraphiQL, where `make web` has built it.
    expected = {"field suggestions", "introspection", "GET", *(["graphiql"] if page.FILES.is_dir() else [])}
    assert expected <= {one for one, is_found in found.items() if is_found}


async def test_a_get_with_a_header_that_no_page_sends_unasked_is_answered(hardened: Client) -> None:
    asked = {"Apollo-Require-Preflight": "1"}
    async with hardened.http.get(hardened.url, params={"query": NAMES}, headers=asked) as response:
        assert (response.status, "data" in await response.json()) == (200, True)


def test_the_word_list_is_the_schema_s() -> None:
    known = build_schema(schema.as_str())

    assert known.query_type is not None
    assert set(known.query_type.fields) <= set(WORDS)
