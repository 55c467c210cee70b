"""What is wrong with a request is told: BAD_INPUT or NOT_FOUND, in words that say what would be right. Never INTERNAL."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputType,
    GraphQLObjectType,
    build_schema,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_required_argument,
    is_required_input_field,
)

from db import directory, versions
from schema import errors
from schema.schema import schema
from tests.conftest import Client, Salon

SCHEMA = build_schema(schema.as_str())
NOBODY = "99999999-0000-4000-8000-000000000009"
HALF_A_PAIR = "\ud800"

AVAILABLE = """
query ($stylist: ID!, $service: ID!, $date: Date!, $zone: String, $freshness: Freshness) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date, timezone: $zone, freshness: $freshness) { freeCount }
}
"""
FIRST = """
query ($service: ID!, $stylists: [ID!], $location: ID, $from: DateTime, $limit: Int) {
  firstAvailable(serviceId: $service, stylistIds: $stylists, locationId: $location, from: $from, limit: $limit) { id }
}
"""
RANGE = """
query ($stylist: ID!, $service: ID!, $from: Date!, $to: Date!) {
  stylist(id: $stylist) { availability(serviceId: $service, from: $from, to: $to) { freeCount } }
}
"""
LISTED = "query ($ids: [ID!], $limit: Int, $after: ID) { stylists(ids: $ids, limit: $limit, after: $after) { id } }"
BOOKINGS = """
query ($from: Date!, $to: Date!, $first: Int, $after: String, $stylist: ID) {
  bookings(from: $from, to: $to, first: $first, after: $after, stylistId: $stylist) { edges { cursor } }
}
"""


async def refused(client: Client, query: str, variables: dict[str, Any]) -> tuple[str, str]:
    """The code and the message of an operation's one error."""
    answer = await client.post(query, variables)
    (error,) = answer["errors"]
    return error["extensions"]["code"], error["message"]


def slots(salon: Salon, **more: Any) -> dict[str, Any]:
    return {"stylist": salon.asha, "service": salon.cut, "date": str(salon.day), **more}


async def assert_refused(
    client: Client, query: str, valid: dict[str, Any], name: str, values: dict[Any, str], code: str = "BAD_INPUT"
) -> None:
    """Every value of a variable is refused with the code, in a message that has the words."""
    wrong = {}
    for value, words in values.items():
        value = list(value) if isinstance(value, tuple) else value  # noqa: PLW2901
        found = await refused(client, query, {**valid, name: value})
        if found[0] != code or words not in found[1]:
            wrong[str(value)[:80]] = found
    assert wrong == {}


async def test_dates(client: Client, salon: Salon) -> None:
    values = {
        "2027-02-29": "not a day of the calendar",
        "2027-13-01": "not a day of the calendar",
        "2027-04-31": "not a day of the calendar",
        "0000-01-01": "not a day of the calendar",
        "1969-12-31": "outside the years 1970 to 2199",
        "2200-01-01": "outside the years 1970 to 2199",
        "9999-12-31": "outside the years 1970 to 2199",
        "10000-01-01": "write YYYY-MM-DD",
        "2027-1-1": "write YYYY-MM-DD",
        "20270101": "write YYYY-MM-DD",
        "2027-W01-1": "write YYYY-MM-DD",
        "2027-01-01T00:00:00Z": "write YYYY-MM-DD",
        " 2027-01-01": "write YYYY-MM-DD",
        "2027-01-01\n": "write YYYY-MM-DD",
        "": "write YYYY-MM-DD",
        "tomorrow": "write YYYY-MM-DD",
        20270101: "write YYYY-MM-DD",
        1.5: "write YYYY-MM-DD",
        True: "write YYYY-MM-DD",
        None: "not to be None",
        (): "write YYYY-MM-DD",
        "\x00": "write YYYY-MM-DD",
        "2" * 10_000: "write YYYY-MM-DD",
    }
    await assert_refused(client, AVAILABLE, slots(salon), "date", values)

    literal = await client.post(
        f'{{ availableSlots(stylistId: "{salon.asha}", serviceId: "{salon.cut}", date: "2027-02-29") {{ freeCount }} }}'
    )
    assert literal["errors"][0]["extensions"] == {"code": "BAD_INPUT"}
    assert "not a day of the calendar" in literal["errors"][0]["message"]


async def test_time_zones(client: Client, salon: Salon) -> None:
    zones = (
        *("", " ", "../../etc/passwd", "/etc/passwd", "UTC+5", "+05:45", "\x00", "Asia/Kathmandu\x00", "a" * 10_000),
        *("asia/kathmandu", "Europe", "Europe/", "Asia//Kathmandu", "Asia/../Asia/Kathmandu", ".", "tzdata.zi"),
        # On the disk, but of this machine, with leap seconds, or not a place.
        *("localtime", "posixrules", "right/UTC", "right/Asia/Kathmandu", "posix/UTC", "Factory"),
    )
    await assert_refused(client, AVAILABLE, slots(salon), "zone", dict.fromkeys(zones, "is not an IANA time zone, as"))
    await assert_refused(client, AVAILABLE, slots(salon), "zone", dict.fromkeys((5, True), "String cannot represent"))


async def test_ids_that_are_none(client: Client, salon: Salon) -> None:
    texts = (
        "",
        " ",
        "1",
        "Asha",
        "\x00",
        "x" * 10_000,
        salon.asha[:-1],
        salon.asha + "0",
        f"{salon.asha}\x00",
        "-" * 36,
        0,
        -1,
    )
    for name in ("stylist", "service"):
        await assert_refused(client, AVAILABLE, slots(salon), name, dict.fromkeys(texts, "is not an id; ids are UUIDs"))
        others = (1.5, True, ("a", "b"))
        await assert_refused(client, AVAILABLE, slots(salon), name, dict.fromkeys(others, "ID cannot represent"))
    for name in ("after", "ids"):
        await assert_refused(client, LISTED, {}, name, dict.fromkeys(texts, "is not an id; ids are UUIDs"))
    for name in ("service", "location", "stylists"):
        await assert_refused(
            client, FIRST, {"service": salon.cut}, name, dict.fromkeys(texts, "is not an id; ids are UUIDs")
        )
    for field in ("stylist", "service", "booking"):
        query = f"query ($id: ID!) {{ {field}(id: $id) {{ id }} }}"
        await assert_refused(client, query, {}, "id", dict.fromkeys(texts, "is not an id; ids are UUIDs"))
    day = {"from": str(salon.day), "to": str(salon.day)}
    await assert_refused(client, BOOKINGS, day, "stylist", dict.fromkeys(texts, "is not an id; ids are UUIDs"))


async def test_ids_of_nothing_or_of_something_else(client: Client, salon: Salon) -> None:
    for name, others in {"stylist": (NOBODY, salon.cut), "service": (NOBODY, salon.asha)}.items():
        await assert_refused(
            client, AVAILABLE, slots(salon), name, dict.fromkeys(others, f"there is no {name}"), "NOT_FOUND"
        )
    await assert_refused(
        client, FIRST, {"service": salon.cut}, "stylists", {NOBODY: "there is no stylist"}, "NOT_FOUND"
    )
    await assert_refused(
        client, FIRST, {"service": salon.cut}, "location", {salon.cut: "there is no location"}, "NOT_FOUND"
    )
    await assert_refused(client, FIRST, {}, "service", {NOBODY: "there is no service"}, "NOT_FOUND")
    await assert_refused(client, LISTED, {}, "after", {NOBODY: "there is no"}, "NOT_FOUND")


async def test_ranges(client: Client, salon: Salon) -> None:
    first, valid = salon.day, {"stylist": salon.asha, "service": salon.cut}
    wrong = {
        (first, first - timedelta(1)): "turn them round",
        (first, first + timedelta(62)): "is 63 days; at most 62",
        ("1970-01-01", "2199-12-31"): "at most 62",
    }
    for (from_, to), words in wrong.items():
        found = await refused(client, RANGE, {**valid, "from": str(from_), "to": str(to)})
        assert (found[0], words in found[1]) == ("BAD_INPUT", True), found
    for edge in ("1970-01-01", "2199-12-31"):
        assert await client.data(RANGE, {**valid, "from": edge, "to": edge})
    found = await refused(client, BOOKINGS, {"from": "2027-01-01", "to": "2028-01-02"})
    assert (found[0], "at most 366" in found[1]) == ("BAD_INPUT", True)
    assert await client.data(BOOKINGS, {"from": "2027-01-01", "to": "2028-01-01"})


async def test_limits(client: Client, salon: Salon) -> None:
    day = {"from": str(salon.day), "to": str(salon.day)}
    counts = (0, -1, 201, 1_000_000, 2**31 - 1, -(2**31))
    others = dict.fromkeys((2**31, 2**63, 2**64, 1e300, -(2**31) - 1, 1.5, True, "5", ""), "Int cannot represent")
    for query, valid, name, most in (
        (LISTED, {}, "limit", 200),
        (FIRST, {"service": salon.cut}, "limit", 100),
        (BOOKINGS, day, "first", 200),
    ):
        await assert_refused(client, query, valid, name, dict.fromkeys(counts, f"is not between 1 and {most}") | others)
        assert await client.data(query, {**valid, name: most})
        assert await client.data(query, {**valid, name: None})


async def test_lists_of_thousands(client: Client, salon: Salon) -> None:
    many = [salon.asha] * 2_000

    assert await refused(client, LISTED, {"ids": many}) == ("BAD_INPUT", "ids: 2000 ids are more than 200")
    found = await refused(client, FIRST, {"service": salon.cut, "stylists": many})
    assert found == ("BAD_INPUT", "stylistIds: 2000 ids are more than 200")
    assert await client.data(LISTED, {"ids": many[:200]})


async def test_more_than_one_operation_may_ask_for(client: Client, salon: Salon) -> None:
    fields = " ".join(
        f'a{number}: availability(serviceId: "{salon.cut}", from: $from, to: $to) {{ freeCount }}'
        for number in range(97)
    )
    query = f'query ($from: Date!, $to: Date!) {{ stylist(id: "{salon.asha}") {{ {fields} }} }}'
    range_ = {"from": str(salon.day), "to": str(salon.day + timedelta(61))}

    answer = await client.post(query, range_)

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "TOO_COMPLEX"
    assert error["message"] == "availabilities: 6,014 stylists x days x services; at most 6,000"
    assert await client.data(query, {**range_, "to": range_["from"]})


async def test_instants(client: Client, salon: Salon) -> None:
    values = {
        "2027-01-01T00:00:00": "write YYYY-MM-DDTHH:MM:SSZ, or with an offset",
        "2027-01-01": "write YYYY-MM-DDTHH:MM:SSZ",
        "2027-01-01 00:00:00Z": "write YYYY-MM-DDTHH:MM:SSZ",
        "2027-01-01T00:00:00.1234567890Z": "write YYYY-MM-DDTHH:MM:SSZ",
        "now": "write YYYY-MM-DDTHH:MM:SSZ",
        "": "write YYYY-MM-DDTHH:MM:SSZ",
        1_800_000_000: "write YYYY-MM-DDTHH:MM:SSZ",
        "0001-01-01T00:00:00Z": "between 1970 and 2199",
        "0001-01-01T00:00:00+23:59": "between 1970 and 2199",
        "9999-12-31T23:59:59Z": "between 1970 and 2199",
        "9999-12-31T23:59:59-23:59": "between 1970 and 2199",
        "2027-06-30T23:59:60Z": "between 1970 and 2199",
        "2027-01-01T24:00:00Z": "between 1970 and 2199",
        "2027-02-29T12:00:00Z": "between 1970 and 2199",
        "2027-01-01T00:00:00+24:00": "between 1970 and 2199",
        "2027-01-01T00:00:00+99:99": "between 1970 and 2199",
    }
    await assert_refused(client, FIRST, {"service": salon.cut}, "from", values)


async def test_words_of_an_enum(client: Client, salon: Salon) -> None:
    values = {
        "verified": "does not exist in 'Freshness'",
        "": "does not exist",
        5: "cannot represent non-string",
        True: "cannot",
    }
    await assert_refused(client, AVAILABLE, slots(salon), "freshness", values)


async def test_cursors(client: Client, salon: Salon) -> None:
    cursors = ("", "x", "====", "\x00", "MjAyNy0wMS0wMQ==", "ÿ", "a" * 9_999, NOBODY)
    words = "after: not a cursor; send back `endCursor` as you got it"
    day = {"from": str(salon.day), "to": str(salon.day)}

    await assert_refused(client, BOOKINGS, day, "after", dict.fromkeys(cursors, words))


# Requests that are no operation.


async def posted(client: Client, body: str | bytes | io.BytesIO, **headers: str) -> tuple[int, Any]:
    """Status and answer of a POST as it stands, which must be JSON."""
    async with client.http.post(
        client.url, data=body, headers={"Content-Type": "application/json", **headers}
    ) as response:
        return response.status, await response.json()


BODIES = {
    "": "JSON",
    "{": "JSON",
    '{"query": NaN}': "JSON",
    "[" * 100_000: "JSON",
    '{"query": "{ tenant { id } }", "variables": {"a": ' + "1" * 5_000 + "}}": "JSON",
    '{"query": "{ tenant { id } }", "operationName": "\\ud800"}': "JSON",
    "5": "JSON",
    '"{ tenant { id } }"': "JSON",
    "null": "No GraphQL query",
    "{}": "No GraphQL query",
    '{"query": ""}': "No GraphQL query",
    '{"query": null}': "No GraphQL query",
    '{"query": 5}': "must be a string",
    '{"query": "{ tenant { id } }", "variables": []}': "must be an object",
    '{"query": "{ tenant { id } }", "variables": "{}"}': "must be an object",
    '{"query": "{ tenant { id } }", "operationName": 5}': "must be a string",
    '{"query": "{ tenant { id } }", "extensions": []}': "must be an object",
    "[]": "Batching is not enabled",
    '[{"query": "{ tenant { id } }"}]': "Batching is not enabled",
}


async def test_a_body_that_is_no_request(client: Client, salon: Salon) -> None:
    for body, words in BODIES.items():
        status, answer = await posted(client, body)

        (error,) = answer["errors"]
        assert (status, error["extensions"]) == (400, {"code": "BAD_INPUT"}), body[:100]
        assert words in error["message"], body[:100]


async def test_bytes_that_are_no_text(client: Client, salon: Salon) -> None:
    for body in (b"\xff\xfe\x00", b'{"query": "\xed\xa0\x80"}', b"\x00" * 100):
        status, answer = await posted(client, body)

        assert (status, answer["errors"][0]["extensions"]["code"]) == (400, "BAD_INPUT")


async def test_a_body_that_is_too_large(client: Client, salon: Salon) -> None:
    body = json.dumps({"query": "{ tenant { id } }" + " " * 110_000}).encode()
    status, answer = await posted(client, io.BytesIO(body))

    (error,) = answer["errors"]
    assert (status, error["extensions"]) == (413, {"code": "TOO_COMPLEX"})
    assert error["message"].startswith("body_bytes: ")
    assert "100000" in error["message"]


async def test_other_ways_of_asking(client: Client, salon: Salon) -> None:
    for method, headers in (("PUT", {}), ("DELETE", {}), ("POST", {"Content-Type": "text/plain"})):
        async with client.http.request(method, client.url, data=b"{}", headers=headers) as response:
            answer = await response.json()
            assert (response.status, answer["errors"][0]["extensions"]["code"]) == (
                415 if method == "POST" else 405,
                "BAD_INPUT",
            )


DOCUMENTS = {
    "{": "Syntax Error",
    "# nothing": "Syntax Error",
    "{ tenant { id }": "Syntax Error",
    "{ nothing }": "Cannot query field 'nothing'",
    "{ tenant }": "must have a selection of subfields",
    "{ tenant { id { id } } }": "must not have a selection",
    "{ tenant(id: 5) { id } }": "Unknown argument 'id'",
    "{ stylist { id } }": "'Query.stylist(id:)' of type 'ID!' is required",
    "query ($a: Nothing) { tenant { id } }": "Unknown type 'Nothing'",
    "query ($a: Int) { tenant { id } }": "'$a' is never used",
    "query ($a: Int!) { services(limit: $a) { id } }": "'$a' has invalid value",
    "query ($a: String) { services(limit: $a) { id } }": "used in position expecting type 'Int'",
    '{ services(limit: "5") { id } }': "Int cannot represent",
    "{ services(limit: 2147483648) { id } }": "Int cannot represent",
    "{ ...F } fragment F on Query { ...F }": "Cannot spread fragment 'F' within itself",
    "{ tenant { id @nothing } }": "Unknown directive",
    "{ tenant { id @include(if: 5) } }": "Boolean cannot represent",
    "{ a: tenant { id } a: tenant { name } b: locations { id } b: services { id } }": "conflict",
    "query A { tenant { id } } query A { tenant { id } }": "only one operation named 'A'",
    "mutation { tenant { id } }": "Cannot query field 'tenant' on type 'Mutation'",
    "subscription { availabilityChanged(stylistIds: [], serviceId: 1, from: $a, to: $a) { version } }": "",
    (
        "subscription { availabilityChanged(stylistIds: [], serviceId: 1,"
        ' from: "2027-01-01", to: "2027-01-01") { version } }'
    ): "subscriptions go over a WebSocket",
}


async def test_a_document_that_is_wrong(client: Client, salon: Salon) -> None:
    for document, words in DOCUMENTS.items():
        answer = await client.post(document)

        assert "data" not in answer, document[:100]
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_INPUT"}, document[:100]
        assert any(words in error["message"] for error in answer["errors"]), answer


async def test_a_document_without_the_operation(client: Client, salon: Salon) -> None:
    for name, words in {
        "B": 'Unknown operation named "B"',
        "": 'Unknown operation named ""',
        None: "operation",
    }.items():
        query = "query A { tenant { id } }" if name is not None else "fragment F on Query { tenant { id } }"
        status, answer = await posted(client, json.dumps({"query": query, "operationName": name}))

        (error,) = answer["errors"]
        assert (status, error["extensions"]) == (200, {"code": "BAD_INPUT"})
        assert words in error["message"]
        assert "data" not in answer


@pytest.mark.parametrize("kind", ["query", "mutation", "subscription"])
async def test_a_document_without_the_operation_over_a_websocket(client: Client, salon: Salon, kind: str) -> None:
    fields = {
        "query": "tenant { id }",
        "mutation": f'holdRelease(holdId: "{salon.cut}") {{ __typename }}',
        "subscription": 'availabilityChanged(stylistIds: ["x"], serviceId: "y", from: "2027-01-01", to: "2027-01-01") { at }',
    }
    payload = {"query": f"{kind} {{ {fields[kind]} }}", "operationName": "A"}
    async with client.http.ws_connect(client.url, protocols=("graphql-transport-ws",)) as socket:
        await socket.send_json({"type": "connection_init"})
        await socket.receive_json(timeout=10)
        await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
        message = await socket.receive_json(timeout=10)

    (error,) = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    assert error["extensions"] == {"code": "BAD_INPUT"}
    assert error["message"] == 'Unknown operation named "A".'


async def test_who_asks_in_a_wrong_way(client: Client, salon: Salon, staff_token: str) -> None:
    query = "{ tenant { id } }"
    wrong: dict[str, list[dict[str, Any]]] = {
        "UNAUTHENTICATED": [{"token": "x"}, {"token": staff_token + "x"}, {"token": "a.b.c"}, {"token": "x" * 8_000}],
        "FORBIDDEN": [{"token": staff_token, "tenant": "another"}],
        "NOT_FOUND": [{"tenant": "nowhere"}, {"tenant": "../x"}, {"tenant": "x" * 4_000}],
        "BAD_INPUT": [{"session": "a b"}, {"session": "x" * 201}, {"session": "naïve"}],
    }
    for code, askers in wrong.items():
        for who in askers:
            assert await client.code(query, **who) == code, who


async def test_what_is_our_fault_says_nothing_but_an_id(
    client: Client, salon: Salon, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise ValueError("password=hunter2")

    logged: list[str] = []
    log = SimpleNamespace(error=lambda _, *, error_id, **_more: logged.append(error_id))
    monkeypatch.setattr(errors, "log", log)
    with monkeypatch.context() as patched:
        patched.setattr(directory, "load", broken)
        before = await client.post(AVAILABLE, slots(salon))
    await client.data(AVAILABLE, slots(salon))
    with monkeypatch.context() as patched:
        patched.setattr(versions, "now", broken)
        during = await client.post(AVAILABLE, slots(salon))
    await sql.execute("update services set price_cents = 2000000000")
    await sql.execute(
        "insert into price_rules (tenant_id, position, name, basis_points) select id, 0, 'Tenfold', 100000 from tenants"
    )
    after = await client.post(AVAILABLE.replace("freeCount", "slots { priceCents }"), slots(salon))

    for answer in (before, during, after):
        assert {error["message"] for error in answer["errors"]} == {"Internal error"}
        assert {error["extensions"]["code"] for error in answer["errors"]} == {"INTERNAL"}
        assert "hunter2" not in json.dumps(answer)
    told = [error["extensions"]["errorId"] for answer in (before, during, after) for error in answer["errors"]]
    assert told == logged


# The walk: every argument of every field, and every field of every input, with everything that is nasty.

TEXTS = ("", "\x00", "x" * 10_000, "'; drop table bookings; --\u202e\U0001f484")
NUMBERS = (1.5, 2**31, 2**70)
OTHERS: tuple[Any, ...] = (None, True, [None], {}, {"a": [1]}, HALF_A_PAIR)
NASTY: dict[str, tuple[Any, ...]] = {
    "ID": (NOBODY, 0, f"{{{NOBODY}}}", "٣" * 32, [], [NOBODY] * 201, [NOBODY] * 3_000),
    "String": ("UTC+5", "Europe/London", "MjAyNw==", "1." * 20, "9" * 19, "+977 1 4123456", "é" * 200),
    "Date": ("2027-02-29", "1970-01-01", "2199-12-31", "9999-12-31", "0000-01-01", "٢٠٢٧-٠١-٠١"),
    "DateTime": (
        *("2027-01-01T00:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2027-06-30T23:59:60Z"),
        *("1970-01-01T00:00:00+14:00", "2199-12-31T23:59:59-14:00", "2027-01-01T00:00:00.123456789Z"),
    ),
    "Int": (0, -1, 200, 201, "1"),
}
NOT_INTERNAL = {"TOO_COMPLEX", "BAD_INPUT", "NOT_FOUND", "UNAUTHENTICATED", "FORBIDDEN"}


@dataclass(frozen=True)
class Step:
    """An argument, or a field of an input, and an operation that uses it as the variable $value of its own type."""

    place: str
    type_: GraphQLInputType
    query: str

    def values(self) -> Iterator[Any]:
        """All that is nasty for its type, and for the type of what it is a list of."""
        yield from (*OTHERS, *TEXTS, *NUMBERS, *self.nasty())

    def nasty(self) -> tuple[Any, ...]:
        """What is nasty for its type alone."""
        return NASTY.get(get_named_type(self.type_).name, ("verified", "AVAILABLE", 0))

    def documents(self) -> Iterator[str]:
        """The operation with some of the values written into it: they are looked at by other code than variables are."""
        head, _, body = self.query.partition("{")
        for value in (None, "", 2**31, *self.nasty()[:4]):
            text = json.dumps(value)
            if len(text) < 1_000:
                yield f"{head.split(' ')[0]} {{{body.replace('$value', text)}"


def walk(salon: Salon) -> Iterator[Step]:
    """Every argument of every field that can be reached from Query and Mutation."""
    assert SCHEMA.query_type
    assert SCHEMA.mutation_type
    for keyword, root in (("query", SCHEMA.query_type), ("mutation", SCHEMA.mutation_type)):
        reached: set[str] = set()
        todo: list[tuple[GraphQLObjectType, str, str]] = [(root, "", "")]
        while todo:
            type_, before, after = todo.pop(0)
            if type_.name in reached:
                continue
            reached.add(type_.name)
            for name, field in type_.fields.items():
                selection = selected(field)
                for argument in field.args:
                    for place, input_type, text in spelled(field, argument, salon):
                        yield Step(
                            f"{type_.name}.{name}({place})",
                            input_type,
                            f"{keyword} ($value: {input_type}) {{ {before}{name}({text}){selection}{after} }}",
                        )
                inner = get_named_type(field.type)
                if is_object_type(inner):
                    given = arguments(field, salon)
                    todo.append((inner, f"{before}{name}{given} {{ ", f" }}{after}"))


def spelled(field: GraphQLField, name: str, salon: Salon) -> Iterator[tuple[str, GraphQLInputType, str]]:
    """An argument as $value among its required neighbours; if it is an input, each of its fields as $value too."""
    rest = {
        other: literal(other, one, salon)
        for other, one in field.args.items()
        if other != name and is_required_argument(one)
    }
    beside = "".join(f"{other}: {text}, " for other, text in rest.items())
    argument: GraphQLArgument = field.args[name]
    yield name, argument.type, f"{beside}{name}: $value"
    for path, type_, text in within(argument.type, salon):
        yield f"{name}.{path}", type_, f"{beside}{name}: {text}"


def within(type_: GraphQLInputType, salon: Salon) -> Iterator[tuple[str, GraphQLInputType, str]]:
    """Each field of an input object, however deep, as $value among its required neighbours."""
    named = get_named_type(type_)
    if not is_input_object_type(named):
        return
    for name, field in named.fields.items():
        rest = {other: one for other, one in named.fields.items() if other != name and is_required_input_field(one)}
        beside = "".join(f"{other}: {literal(other, one, salon)}, " for other, one in rest.items())
        yield name, field.type, f"{{ {beside}{name}: $value }}"
        for path, inner, text in within(field.type, salon):
            yield f"{name}.{path}", inner, f"{{ {beside}{name}: {text} }}"


def arguments(field: GraphQLField, salon: Salon) -> str:
    """What a field cannot do without, in brackets."""
    given = [f"{name}: {literal(name, one, salon)}" for name, one in field.args.items() if is_required_argument(one)]
    return f"({', '.join(given)})" if given else ""


def literal(name: str, of: Any, salon: Salon) -> str:
    """A good value for an argument or an input's field."""
    type_ = of.type.of_type if is_non_null_type(of.type) else of.type
    if is_list_type(type_):
        return "[]"
    if is_input_object_type(type_):
        required = {other: one for other, one in type_.fields.items() if is_required_input_field(one)}
        return "{ " + ", ".join(f"{other}: {literal(other, one, salon)}" for other, one in required.items()) + " }"
    if is_enum_type(type_):
        return str(next(iter(type_.values)))
    known = {"serviceId": salon.cut, "id": salon.asha, "stylistId": salon.asha, "locationId": salon.location}
    good = {
        "ID": known.get(name, NOBODY),
        "Date": str(salon.day),
        "DateTime": salon.at(10),
        "String": "Cleo",
        "Int": 1,
        "Float": 1.0,
        "Boolean": True,
    }
    return json.dumps(good[type_.name])


def selected(field: GraphQLField) -> str:
    """All leaves of what a field gives."""
    type_ = get_named_type(field.type)
    if is_leaf_type(type_):
        return ""
    fields = type_.fields.items() if is_object_type(type_) else ()
    leaves = [name for name, inner in fields if is_leaf_type(get_named_type(inner.type)) and not inner.args]
    return f" {{ {' '.join(['__typename', *leaves])} }}"


async def test_nothing_that_can_be_sent_is_our_fault(client: Client, salon: Salon, staff_token: str) -> None:
    steps = list(walk(salon))
    room = asyncio.Semaphore(8)
    faults: list[str] = []
    asked = 0

    async def ask(step: Step, query: str, variables: dict[str, Any]) -> None:
        nonlocal asked
        async with room:
            answer = await client.post(query, variables, token=staff_token)
        asked += 1
        for error in answer.get("errors", ()):
            code = error.get("extensions", {}).get("code")
            if code not in NOT_INTERNAL or not error["message"].strip():
                faults.append(f"{step.place} with {str(variables or query)[:200]}: {code} {error['message'][:200]}")

    async with asyncio.TaskGroup() as group:
        for step in steps:
            for value in step.values():
                group.create_task(ask(step, step.query, {"value": value}))
            for document in step.documents():
                group.create_task(ask(step, document, {}))

    assert faults == []
    assert asked > 1_000
    places = {step.place for step in steps}
    assert {
        "Query.firstAvailable(from)",
        "Availability.slots(status)",
        "Mutation.bookingCreate(input.customer.email)",
    } <= places


def test_the_walk_leaves_no_argument_out() -> None:
    everywhere = {
        f"{type_.name}.{name}({argument})"
        for type_ in SCHEMA.type_map.values()
        if is_object_type(type_) and not type_.name.startswith("__") and type_.name != "Subscription"
        for name, field in type_.fields.items()
        for argument in field.args
    }

    assert everywhere - {step.place for step in walk(Salon("any"))} == set()
