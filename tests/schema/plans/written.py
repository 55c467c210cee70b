"""Queries written by hand, for two servers to be asked. Aliases of what rightly differs begin with the field's own name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tests.conftest import Salon
from tests.schema.plans.twins import Asked, By

SALON = Salon("")
JSON = "application/json"
JSON_UTF_8 = f"{JSON}; charset=utf-8"
RESPONSE = "application/graphql-response+json"
ASHA, BINA, CUT, COLOUR, HERE = SALON.asha, SALON.bina, SALON.cut, SALON.colour, SALON.location
DAY, NEXT, LATER = SALON.day, SALON.day + timedelta(1), SALON.day + timedelta(2)
UNKNOWN = "99999999-0000-4000-8000-000000000009"

ROOT = f'availableSlots(stylistId: "{ASHA}", serviceId: "{CUT}", date: "{DAY}")'
BINAS = f'availableSlots(stylistId: "{BINA}", serviceId: "{CUT}", date: "{DAY}")'
PLACES = {
    "root": f'availableSlots(stylistId: "{ASHA}", serviceId: "{CUT}", date: "{DAY}"ARGS) {{ BODY }}',
    "stylist": f'stylist(id: "{ASHA}") {{ name availableSlots(serviceId: "{CUT}", date: "{DAY}"ARGS) {{ BODY }} }}',
    "range": f'stylist(id: "{ASHA}") {{ availability(serviceId: "{CUT}", from: "{DAY}", to: "{NEXT}"ARGS) {{ BODY }} }}',
    "offering": f'stylists {{ services {{ service {{ name }} availableSlots(date: "{DAY}"ARGS) {{ BODY }} }} }}',
    "service": f'services(ids: ["{CUT}"]) {{ offerings {{ stylist {{ id }} availableSlots(date: "{DAY}"ARGS) {{ BODY }} }} }}',
}
ZONES = ("Etc/UTC", "Asia/Kathmandu", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/St_Johns")
BODY = (
    "date timezone freeCount freeStarts slots { id startLocal display status heldByYou }"
    " cache { hit source verified version ageSeconds }"
)

SLOT = ("id", "startUtc", "endUtc", "startLocal", "endLocal", "display", "status", "isAvailable", "heldByYou", "priceCents",
        "orderReason", "stylist { id name }", "location { name timezone }", "__typename")  # fmt: skip
AVAILABILITY = (
    "date",
    "timezone",
    "freeCount",
    "freeStarts",
    "stylist { name }",
    "service { durationMinutes }",
    "slots { id }",
    "__typename",
)
CACHE = ("version", "computedAt", "expiresAt", "hit", "source", "verified", "ageSeconds", "__typename")
SERVICE = ("id", "name", "durationMinutes", "slotIntervalMinutes", "bufferBeforeMinutes", "bufferAfterMinutes", "priceCents",
           "minNoticeMinutes", "horizonDays", "__typename",
           "offerings { durationMinutes priceCents stylist { name } }")  # fmt: skip
STYLIST = ("id", "name", "timezone", "locations { id name }", "services { priceCents service { name } }", "__typename")

SLOTS = (
    "query ($stylist: ID!, $service: ID!, $date: Date!, $zone: String, $freshness: Freshness, $status: [SlotStatus!]) {"
    " availableSlots(stylistId: $stylist, serviceId: $service, date: $date, timezone: $zone, freshness: $freshness)"
    " { freeCount timezone slots(status: $status) { startLocal status } cache { verified } } }"
)
GIVEN: dict[str, Any] = {"stylist": ASHA, "service": CUT, "date": str(DAY)}


NO_PERMISSION = (  # graphql-core cancels what stands beside an error; what is asked for elsewhere too must not go with it
    f'{{ services {{ offerings {{ availableSlots(date: "{DAY}") {{ freeCount }} }} }}'
    f' stylists {{ setup {{ active }} services {{ availableSlots(date: "{DAY}") {{ freeCount }} }} }} }}'
)


def written() -> list[Asked]:
    """All of them, each with a name of its own."""
    return [
        *leaves(),
        *places(),
        *askers(),
        *lists(),
        *shapes(),
        *directives(),
        *variables(),
        *operations(),
        *texts(),
        *unplanned(),
        *refused(),
        *malformed(),
    ]


def leaves() -> Iterator[Asked]:
    """Every field by itself, and all of a type at once."""
    for one in SLOT:
        yield Asked(f"slot {one}", f"{{ {ROOT} {{ slots {{ {one} }} }} }}", who="tester")
    for one in AVAILABILITY:
        yield Asked(f"availability {one}", f"{{ {ROOT} {{ {one} }} }}")
    for one in CACHE:
        yield Asked(f"cache {one}", f"{{ {ROOT} {{ cache {{ {one} }} }} }}")
    for one in SERVICE:
        yield Asked(f"service {one}", f"{{ services {{ {one} }} }}")
    for one in STYLIST:
        yield Asked(f"stylist {one}", f"{{ stylists {{ {one} }} }}")
    for one in ("id", "slug", "name", "currency", "timezone", "__typename"):
        yield Asked(f"tenant {one}", f"{{ tenant {{ {one} }} }}")
    for one in ("id", "name timezone", "stylists { name locations { name } }"):
        yield Asked(f"location {one}", f"{{ locations {{ {one} }} }}")
    yield Asked("all of a slot", f"{{ {ROOT} {{ slots {{ {' '.join(SLOT)} }} }} }}", who="tester")
    yield Asked("all of a slot backwards", f"{{ {ROOT} {{ slots {{ {' '.join(reversed(SLOT))} }} }} }}", who="tester")
    everything = f"{' '.join(AVAILABILITY[:-2])} slots {{ {' '.join(SLOT)} }} cache {{ {' '.join(CACHE)} }}"
    yield Asked("all of an availability", f"{{ {ROOT} {{ {everything} }} }}", who="tester")
    yield Asked(
        "the cache before and after", f"{{ {ROOT} {{ cache {{ hit }} slots {{ heldByYou }} cache {{ ageSeconds }} }} }}"
    )


def places() -> Iterator[Asked]:
    """Availability wherever it can be asked for, at every freshness, in several zones."""
    for place, query in PLACES.items():
        for freshness, by in (("VERIFIED", By.KEPT), ("CACHED", By.KEPT), ("BYPASS", By.MADE), ("null", By.KEPT)):
            asked = f"{{ {query} }}".replace("ARGS", f", freshness: {freshness}").replace("BODY", BODY)
            yield Asked(f"{place} {freshness}", asked, by=By.STOCK if by is By.MADE else by, who="tester")
        for zone in ZONES if place in ("root", "range") else ZONES[1:3]:
            asked = f"{{ {query} }}".replace("ARGS", f', timezone: "{zone}"').replace("BODY", BODY)
            yield Asked(f"{place} {zone}", asked, who="tester")
        nameless = f"{{ {query} }}".replace("ARGS", ", freshness: BYPASS").replace("BODY", "freeCount slots { status }")
        yield Asked(f"{place} BYPASS for everybody", nameless, by=By.MADE, who="tester")
    every = " ".join(f"a{n}: {query}" for n, query in enumerate(PLACES.values()))
    yield Asked("every place", f"{{ {every} }}".replace("ARGS", "").replace("BODY", BODY), who="tester")
    mixed = " ".join(
        f'f{n}: availableSlots(stylistId: "{ASHA}", serviceId: "{CUT}", date: "{DAY}", freshness: {freshness}) {{ freeCount'
        " cache { hit verified } }"
        for n, freshness in enumerate(("VERIFIED", "CACHED", "BYPASS"))
    )
    yield Asked("every freshness", f"{{ {mixed} }}", by=By.MADE)
    two = f"{{ v: {ROOT} {{ freeCount }} c: {ROOT[:-1]}, freshness: CACHED) {{ freeCount cache {{ verified }} }} }}"
    yield Asked("VERIFIED and CACHED", two, by=By.MADE)
    for name, date in (("long ago", "1980-02-29"), ("far ahead", "2199-12-31"), ("in March", f"{DAY.year + 1}-03-28")):
        for zone in ("Etc/UTC", "America/New_York"):
            there = f'availableSlots(stylistId: "{ASHA}", serviceId: "{CUT}", date: "{date}", timezone: "{zone}")'
            yield Asked(f"{name} in {zone}", f"{{ {there} {{ {BODY} }} }}")
    month = f'stylist(id: "{ASHA}") {{ availability(serviceId: "{COLOUR}", from: "{DAY}", to: "{DAY + timedelta(61)}")'
    fortnight = month.replace(str(DAY + timedelta(61)), str(DAY + timedelta(13)))
    yield Asked("62 days", f"{{ {month} {{ date freeCount }} }} }}")
    yield Asked(
        "two weeks and all of them",
        f"{{ {fortnight} {{ date slots {{ startUtc status heldByYou }} }} }} }}",
        who="tester",
    )
    yield Asked(
        "a service that is not offered",
        f'{{ availableSlots(stylistId: "{BINA}", serviceId: "{COLOUR}", date: "{DAY}") {{ {BODY} }} }}',
    )


def askers() -> Iterator[Asked]:
    """The same bodies by everybody: what they hold is theirs, whose tenant they name is whose world they see."""
    held = f"{{ {ROOT} {{ slots(status: [HELD]) {{ startUtc heldByYou }} cache {{ hit }} }} tenant {{ name }} }}"
    public = f"{{ {ROOT} {{ freeCount slots {{ status }} }} tenant {{ slug }} }}"
    by_fragment = f'{{ stylists {{ services {{ availableSlots(date: "{DAY}") {{ slots {{ heldByYou }} }} }} }} }}'
    for who in ("nobody", "tester", "stranger", "staff", "tester of testers", "tester of others", "nobody of others",
                "other staff"):  # fmt: skip
        yield Asked(f"what {who} holds", held, who=who)
        yield Asked(f"what everybody sees by {who}", public, who=who)
        yield Asked(f"all that {who} holds", by_fragment, who=who)
    for who in ("forger", "lost"):
        yield Asked(f"what {who} is told", held, by=By.STOCK, who=who)


def lists() -> Iterator[Asked]:
    """Pages, ids, filters."""
    for field_, one, other in (("stylists", ASHA, BINA), ("services", CUT, COLOUR)):
        for arguments in (
            *(f"limit: {n}" for n in (1, 2, 200, "null")),
            *(
                "ids: null",
                "ids: []",
                f'ids: ["{one}"]',
                f'ids: "{one}"',
                f'ids: ["{other}", "{one}", "{other}", "{UNKNOWN}"]',
            ),
            *(f'after: "{one}"', f'after: "{other}"', "after: null", f'ids: ["{one}", "{other}"], limit: 1'),
        ):
            yield Asked(
                f"{field_} {arguments}",
                f"{{ {field_}({arguments}) {{ id name }} }}",
            )
    for arguments in (
        f'serviceId: "{COLOUR}"',
        f'serviceId: "{UNKNOWN}"',
        f'locationId: "{HERE}"',
        f'locationId: "{UNKNOWN}"',
    ):
        yield Asked(f"stylists {arguments}", f"{{ stylists({arguments}) {{ id name }} }}")
    for name, query in {
        "an unknown stylist is null": f'{{ stylist(id: "{UNKNOWN}") {{ name }} }}',
        "an unknown service is null": f'{{ service(id: "{UNKNOWN}") {{ name }} }}',
        "null besides others": f'{{ a: service(id: "{UNKNOWN}") {{ id }} b: service(id: "{CUT}") {{ id }}'
        f' c: stylist(id: "{UNKNOWN}") {{ availableSlots(serviceId: "{CUT}", date: "{DAY}") {{ freeCount }} }} }}',
        "an id in capitals": f'{{ stylist(id: "{ASHA.upper()}") {{ id }} }}',
        "an id in braces": f'{{ stylist(id: "{{{ASHA}}}") {{ id }} }}',
    }.items():
        yield Asked(name, query)
    for status in ("null", "[]", "AVAILABLE", "[HELD]", "[BOOKED, HELD, BOOKED]", "[UNAVAILABLE, AVAILABLE]"):
        yield Asked(f"slots of {status}", f"{{ {ROOT} {{ freeCount slots(status: {status}) {{ status startUtc }} }} }}")
    every = " ".join(
        f"{one.lower()}: slots(status: [{one}]) {{ startUtc heldByYou }}" for one in ("HELD", "BOOKED", "AVAILABLE")
    )
    yield Asked("slots of each status", f"{{ {ROOT} {{ {every} }} }}", who="tester")
    for status in ("HELD", "BOOKED"):  # the same but for an argument inside of what is kept
        yield Asked(f"one alias for {status}", f"{{ {ROOT} {{ some: slots(status: [{status}]) {{ startUtc }} }} }}")


def shapes() -> Iterator[Asked]:
    """Aliases, fragments, merging, nesting."""
    for name, query in {
        "aliases": f"{{ a: {ROOT} {{ b: slots {{ c: startUtc d: startUtc }} e: freeCount f: freeCount }} }}",
        "aliases that are other fields": f"{{ tenant: {ROOT} {{ date: freeCount freeCount: date slots: timezone }} }}",
        "aliases that swap": "{ tenant { name: slug slug: name id: currency currency: id } }",
        "aliases of Python's": "{ tenant { v: id a: name i: slug h: currency k1: timezone class: id def: id None: id } }",
        "aliases that are helpers": "{ tenant { hole: id bad: name given: slug items: currency nothing: timezone } }",
        "an alias of dunders": "{ tenant { __class__: id _: name __: slug } }",
        "typename under aliases": f"{{ x: __typename {ROOT} {{ y: __typename slots {{ id: __typename }} }} }}",
        "typename twice": "{ __typename __typename tenant { __typename __typename } }",
        "only a typename": "{ __typename }",
        "duplicates": "{ tenant { name name name } tenant { name } }",
        "merged fields": "{ tenant { id } tenant { name } services { id } tenant { slug id } }",
        "merged deep": f"{{ {ROOT} {{ slots {{ startUtc }} }} {ROOT} {{ slots {{ status stylist {{ id }} }} }}"
        f" {ROOT} {{ slots {{ stylist {{ name }} }} cache {{ version }} }} }}",
        "merged by alias": f"{{ a: {ROOT} {{ freeCount }} a: {ROOT} {{ timezone }} }}",
        "merged in lists": "{ stylists { services { service { id } } } stylists { services { service { name } priceCents } } }",
        "a fragment": f"{{ {ROOT} {{ ...A }} }} fragment A on Availability {{ freeCount slots {{ status }} }}",
        "fragments in fragments": f"{{ {ROOT} {{ ...A }} }} fragment A on Availability {{ ...B slots {{ ...S }} }}"
        " fragment B on Availability { freeCount slots { id } } fragment S on Slot { status ...T }"
        " fragment T on Slot { display }",
        "a fragment twice": "{ tenant { ...T name ...T } } fragment T on Tenant { slug id }",
        "a fragment here and there": "{ services { ...S } stylists { services { service { ...S } } } }"
        " fragment S on Service { id name }",
        "a fragment of the query": "{ ...Q tenant { id } } fragment Q on Query { tenant { name } services { name } }",
        "fields of several fragments": f"{{ ...A ...B }} fragment A on Query {{ {ROOT} {{ slots {{ startUtc }} }} }}"
        f" fragment B on Query {{ {ROOT} {{ freeCount slots {{ heldByYou }} cache {{ hit }} }} }}",
        "order by first sight": "{ tenant { ...A id ...B name } } fragment A on Tenant { slug name }"
        " fragment B on Tenant { id currency }",
        "inline fragments": "{ ... { tenant { ... on Tenant { id } ... { name } } } ... on Query { services { id } } }",
        "empty but for a fragment": "{ tenant { ... on Tenant { ... on Tenant { ... { name } } } } }",
        "round and round": "{ stylists { locations { stylists { services { service { offerings { stylist { name } } } } } } } }",
        "nested lists": "{ locations { stylists { locations { stylists { services { priceCents } } } } } }",
        "two days and two services": f'{{ a: {ROOT} {{ freeCount }} b: availableSlots(stylistId: "{ASHA}", serviceId: "{COLOUR}",'
        f' date: "{NEXT}") {{ freeCount slots {{ priceCents }} }}'
        f" c: {BINAS} {{ stylist {{ name }} slots {{ stylist {{ name }} }} }} }}",
        "many of the same": "{ "
        + " ".join(f"a{n}: {ROOT} {{ freeCount slots {{ status }} cache {{ hit }} }}" for n in range(20))
        + " }",
        "what is awaited in lists of lists": f'{{ locations {{ stylists {{ services {{ availableSlots(date: "{DAY}") {{ freeCount'
        " cache { verified ageSeconds } } } } } }",
        "settled, of the moment, and by asker": f"{{ {ROOT} {{ cache {{ ageSeconds hit }} slots {{ heldByYou status }}"
        " again: cache { source verified ageSeconds_2: ageSeconds } } }",
        "of the moment in a range": f'{{ stylist(id: "{ASHA}") {{ availability(serviceId: "{CUT}", from: "{DAY}", to: "{NEXT}")'
        " { cache { ageSeconds hit ageSeconds_1: ageSeconds } date } } }",
        "commas and comments": f"query # why\n{{ , , tenant , {{ name # this\n, slug }} ,,, {ROOT}{{freeCount}} }}",
        "no space at all": "{tenant{name,slug}services{id,name}}",
    }.items():
        yield Asked(name, query, who="tester")


def directives() -> Iterator[Asked]:
    """@skip and @include, on fields and fragments, by literals and variables."""
    for directive in ("@skip(if: true)", "@skip(if: false)", "@include(if: true)", "@include(if: false)",
                      "@skip(if: false) @include(if: true)", "@skip(if: true) @include(if: true)",
                      "@include(if: false) @skip(if: false)"):  # fmt: skip
        yield Asked(
            f"a field {directive}", f"{{ tenant {{ id name {directive} }} {ROOT} {{ freeCount {directive} date }} }}"
        )
        yield Asked(
            f"a fragment {directive}", f"{{ tenant {{ id ...T {directive} }} }} fragment T on Tenant {{ name }}"
        )
        yield Asked(
            f"an inline fragment {directive}",
            f"{{ tenant {{ id ... {directive} {{ name }} ... on Tenant {directive} {{ slug }} }} }}",
        )
        yield Asked(
            f"what is awaited {directive}", f"{{ tenant {{ id }} {ROOT} {directive} {{ freeCount slots {{ id }} }} }}"
        )
        yield Asked(f"all {directive}", f"{{ tenant {directive} {{ id }} }}")
    by_variable = (
        "query ($a: Boolean!, $b: Boolean = true) { tenant { id name @skip(if: $a) slug @include(if: $b) }"
        f" {ROOT} @include(if: $a) {{ freeCount ...S @skip(if: $b) }} }}"
        " fragment S on Availability { slots { id @skip(if: $a) status } }"
    )
    for given in ({"a": True}, {"a": False}, {"a": True, "b": False}, {"a": False, "b": False}, {"a": True, "b": True}):
        yield Asked(f"by {given}", by_variable, given)
    for given in ({}, {"a": None}, {"a": "yes"}, {"a": 1}, {"a": True, "b": None}):
        yield Asked(f"by {given}", by_variable, given, by=By.STOCK)
    yield Asked(
        "a fragment that is skipped, then not",
        "query ($no: Boolean = false) { tenant { ...T @include(if: $no) id ...T } } fragment T on Tenant { name slug }",
    )
    names = [f"v{n}" for n in range(5)]
    switched = " ".join(f"a{n}: name @skip(if: ${name})" for n, name in enumerate(names))
    for most, by in ((4, By.KEPT), (5, By.STOCK)):
        declared = ", ".join(f"${name}: Boolean = {str(n % 2 == 0).lower()}" for n, name in enumerate(names[:most]))
        left = switched if most == 5 else switched[: switched.index("a4")]
        yield Asked(f"{most} switches", f"query ({declared}) {{ tenant {{ id {left} }} }}", by=by)


def variables() -> Iterator[Asked]:
    """Given, left out, null, of the wrong kind, too many."""
    for name, more in {
        "as they are": {},
        "null for what may be": {"zone": None, "freshness": None, "status": None},
        "a zone": {"zone": "Asia/Kathmandu"},
        "another zone": {"zone": "America/New_York"},
        "a freshness": {"freshness": "CACHED"},
        "a list": {"status": ["HELD", "BOOKED"]},
        "one for a list": {"status": "AVAILABLE"},
        "an empty list": {"status": []},
        "another stylist": {"stylist": BINA},
        "another date": {"date": str(NEXT)},
        "more than there are": {"nonsense": 1, "other": {"deep": [None]}},
    }.items():
        yield Asked(f"variables: {name}", SLOTS, {**GIVEN, **more})
    yield Asked("variables: a freshness that is not kept", SLOTS, {**GIVEN, "freshness": "BYPASS"}, by=By.MADE)
    for name, given in {
        "none": None,
        "one missing": {"stylist": ASHA, "service": CUT},
        "null for what must be": {**GIVEN, "date": None},
        "a number for a date": {**GIVEN, "date": 20261215},
        "a date of no calendar": {**GIVEN, "date": "2026-02-30"},
        "an instant for a date": {**GIVEN, "date": f"{DAY}T00:00:00Z"},
        "a list for an id": {**GIVEN, "stylist": [ASHA]},
        "a float for an id": {**GIVEN, "stylist": 1.5},
        "a number for an id": {**GIVEN, "stylist": 7},
        "an id that is none": {**GIVEN, "stylist": "asha"},
        "an unknown id": {**GIVEN, "stylist": UNKNOWN},
        "an unknown freshness": {**GIVEN, "freshness": "NEW"},
        "a freshness in small letters": {**GIVEN, "freshness": "verified"},
        "null in a list": {**GIVEN, "status": ["HELD", None]},
        "a wrong status": {**GIVEN, "status": ["FREE"]},
        "an unknown zone": {**GIVEN, "zone": "Mars/Base"},
        "an empty zone": {**GIVEN, "zone": ""},
    }.items():
        yield Asked(f"variables: {name}", SLOTS, given, by=By.STOCK)
    defaulted = "query ($limit: Int = 1, $ids: [ID!]) { stylists(limit: $limit, ids: $ids) { name timezone } }"
    for given in (None, {}, {"limit": 2}, {"limit": None}, {"ids": [BINA]}, {"ids": BINA, "limit": 200}):
        yield Asked(f"defaults and {given}", defaulted, given)
    for given in (
        {"limit": 0},
        {"limit": 201},
        {"limit": "2"},
        {"limit": 2.5},
        {"limit": 2**31},
        {"limit": True},
        {"ids": ["x"]},
    ):
        yield Asked(f"defaults and {given}", defaulted, given, by=By.STOCK)
    yield Asked("a whole float for an Int", defaulted, {"limit": 2.0})
    yield Asked(
        "a variable in a list, and twice",
        "query ($one: ID!) { stylists(ids: [$one, $one]) { id } stylist(id: $one) { name } }",
        {"one": ASHA},
    )
    yield Asked(
        "a default for what must be",
        f'query ($id: ID! = "{ASHA}", $status: [SlotStatus!]! = [HELD]) {{ stylist(id: $id) {{ availableSlots(serviceId: "{CUT}",'
        f' date: "{DAY}") {{ slots(status: $status) {{ startUtc }} }} }} }}',
    )
    yield Asked(
        "null for a default that must be",
        'query ($id: ID! = "x") { stylist(id: $id) { id } }',
        {"id": None},
        by=By.STOCK,
    )
    yield Asked("the body's own null", "{ tenant { id } }", more={"variables": None})
    yield Asked("an integer for an ID literal", "{ stylist(id: 5) { id } }", by=By.STOCK)


def operations() -> Iterator[Asked]:
    """Several in a document, and which of them."""
    several = (
        "query One { tenant { id ...T } } query Two($n: Int = 1) { services(limit: $n) { name } __typename }"
        ' mutation Three { holdRelease(holdId: "' + UNKNOWN + '") { __typename } } fragment T on Tenant { name }'
    )
    yield Asked("the first of several", several, more={"operationName": "One"})
    yield Asked("the second of several", several, more={"operationName": "Two"})
    yield Asked("the second with a variable", several, {"n": 2}, more={"operationName": "Two"})
    yield Asked("a mutation among several", several, more={"operationName": "Three"}, by=By.STOCK, who="tester")
    for name in ("Four", "", "one", None, 1, ["One"]):
        yield Asked(f"of several {name!r}", several, more={"operationName": name}, by=By.STOCK)
    yield Asked("none said of several", several, by=By.STOCK)
    yield Asked("a single one by its name", "query One { tenant { id } }", more={"operationName": "One"})
    yield Asked("a single one without", "query One { tenant { id } }")
    yield Asked("a single one with null", "query One { tenant { id } }", more={"operationName": None})
    yield Asked("a single one by another", "query One { tenant { id } }", more={"operationName": "Two"}, by=By.STOCK)
    yield Asked("a single one by no name", "query One { tenant { id } }", more={"operationName": ""}, by=By.STOCK)
    yield Asked("one without a name by a name", "{ tenant { id } }", more={"operationName": "One"}, by=By.STOCK)


def texts() -> Iterator[Asked]:
    """What is hard to write: in names (the other stylist's), literals, and the body itself."""
    query = (
        "query ($zone: String) { " + BINAS[:-1] + ", timezone: $zone) { stylist { name } slots { stylist { name } } } }"
    )
    yield Asked("a name", query)
    yield Asked(
        "a literal with escapes", f'{{ {ROOT[:-1]}, timezone: "\\u0041sia/Kathmandu") {{ timezone freeCount }} }}'
    )
    yield Asked("a block string", f'{{ {ROOT[:-1]}, timezone: """\n  Asia/Kathmandu\n""") {{ timezone freeCount }} }}')
    yield Asked("a literal that is quoted back", '{ stylist(id: "\\"\\\\\\u2028 \\u0000 नेपाल") { id } }', by=By.STOCK)
    yield Asked("a variable that is quoted back", query, {"zone": '"\\\t\x00 नेपाल \U0001f600'}, by=By.STOCK)
    yield Asked("a comment in other letters", "{ tenant { id } } # नेपाल \U0001f600")
    spaced = json.dumps({"variables": {}, "operationName": None, "query": "{ tenant { id name } }"}, indent=3).encode()
    yield Asked("a body with spaces", body=spaced)
    escaped = json.dumps({"query": "{ tenant { id } } # नेपाल"}).encode()
    yield Asked("a body with escapes", body=escaped)
    yield Asked("a body that says it twice", body=b'{"query": "{ nothing }", "query": "{ tenant { slug } }"}')
    for name, headers, by in (
        ("JSON in UTF-8", {"Content-Type": JSON_UTF_8}, By.KEPT),
        ("JSON in capitals", {"Content-Type": "Application/JSON"}, By.STOCK),
        ("JSON for anybody", {"Accept": "*/*"}, By.KEPT),
        ("JSON for JSON", {"Accept": "application/json"}, By.KEPT),
        ("JSON for a stream", {"Accept": "text/event-stream"}, By.STOCK),
        ("JSON for parts", {"Accept": "multipart/mixed"}, By.STOCK),
        ("GraphQL's own", {"Accept": RESPONSE}, By.KEPT),
        ("GraphQL's own before JSON", {"Accept": f"{RESPONSE}, {JSON};q=0.9"}, By.KEPT),
        ("JSON before GraphQL's own", {"Accept": f"{RESPONSE};q=0.9, {JSON}"}, By.KEPT),
        ("JSON as a browser's page", {"Accept": "text/html,application/xml;q=0.9,*/*;q=0.8"}, By.KEPT),
        ("as urql asks", {"Accept": f"{RESPONSE}, {JSON}, text/event-stream, multipart/mixed"}, By.KEPT),
        ("JSON after a stream", {"Accept": f"text/event-stream, {JSON}"}, By.STOCK),
        ("JSON for an image", {"Accept": "image/*"}, By.STOCK),
        ("JSON in UTF-8 for GraphQL's own", {"Accept": RESPONSE, "Content-Type": JSON_UTF_8}, By.KEPT),
        ("plain text", {"Content-Type": "text/plain"}, By.STOCK),
    ):
        yield Asked(name, f"{{ {ROOT} {{ freeCount }} }} # {name}", by=by, headers=headers)


def unplanned() -> Iterator[Asked]:
    """What no plan is made of, though it is right."""
    first = f'firstAvailable(serviceId: "{CUT}", from: "{DAY}T00:00:00Z", limit: 3) {{ startUtc stylist {{ name }} orderReason }}'
    for name, query, who in (
        ("introspection", "{ __schema { queryType { name } types { name } } }", "nobody"),
        ("introspection of a type", '{ __type(name: "Slot") { name kind fields { name } } }', "nobody"),
        ("introspection mixed in", '{ tenant { name } __type(name: "Slot") { name } services { name } }', "nobody"),
        ("firstAvailable", f"{{ {first} }}", "nobody"),
        ("firstAvailable mixed in", f"{{ tenant {{ id }} {first} {ROOT} {{ freeCount }} }}", "tester"),
        ("a booking", f'{{ booking(id: "{UNKNOWN}") {{ id }} }}', "tester"),
        ("bookings", f'{{ bookings(from: "{DAY}", to: "{LATER}") {{ edges {{ node {{ id startUtc }} }} }} }}', "staff"),
        (
            "a permission",
            f'{{ explainDay(stylistId: "{ASHA}", serviceId: "{CUT}", date: "{DAY}") {{ __typename }} }}',
            "staff",
        ),
        (
            "no permission",
            f'{{ explainDay(stylistId: "{ASHA}", serviceId: "{CUT}", date: "{DAY}") {{ __typename }} }}',
            "tester",
        ),
        ("a permission within", f'{{ stylist(id: "{ASHA}") {{ name setup {{ __typename }} }} }}', "staff"),
        ("no permission within", f'{{ stylist(id: "{ASHA}") {{ name setup {{ __typename }} }} }}', "nobody"),
        ("no permission beside days that are asked for twice", NO_PERMISSION, "stranger"),
        ("a mutation", f'mutation {{ holdRelease(holdId: "{UNKNOWN}") {{ __typename }} }}', "tester"),
        (
            "a mutation in fragments",
            f'mutation {{ ... {{ bookingCancel(bookingId: "{UNKNOWN}") {{ __typename }} }} }}',
            "tester",
        ),
    ):
        yield Asked(name, query, by=By.STOCK, who=who)


def refused() -> Iterator[Asked]:
    """Errors of documents, of arguments, and of items among others that are right."""
    for name, query in {
        "a bad id among others": f'{{ tenant {{ name }} stylist(id: "x") {{ name }} {ROOT} {{ freeCount }} }}',
        "an unknown stylist's slots": "{ tenant { name }"
        f' availableSlots(stylistId: "{UNKNOWN}", serviceId: "{CUT}", date: "{DAY}") {{ date }} }}',
        "an unknown service's slots": "{ stylists { name"
        f' availableSlots(serviceId: "{UNKNOWN}", date: "{DAY}") {{ date }} }} }}',
        "an unknown zone": f'{{ {ROOT[:-1]}, timezone: "Nowhere") {{ date }} }}',
        "a wrong date": f'{{ availableSlots(stylistId: "{ASHA}", serviceId: "{CUT}", date: "12.12.2026") {{ date }} }}',
        "a date too late": f'{{ availableSlots(stylistId: "{ASHA}", serviceId: "{CUT}", date: "2200-01-01") {{ date }} }}',
        "dates the wrong way round": f'{{ stylist(id: "{ASHA}")'
        f' {{ availability(serviceId: "{CUT}", from: "{NEXT}", to: "{DAY}") {{ date }} }} }}',
        "too many dates": f'{{ stylist(id: "{ASHA}")'
        f' {{ availability(serviceId: "{CUT}", from: "2027-01-01", to: "2027-03-31") {{ date }} }} }}',
        "limit 0": "{ stylists(limit: 0) { id } }",
        "limit 201": "{ services(limit: 201) { id } }",
        "after nobody": f'{{ stylists(after: "{UNKNOWN}") {{ id }} }}',
        "an error in one of two": "{ a: stylists(limit: 1) { id } b: stylists(limit: 0) { id } }",
        "an unknown field": "{ tenant { name nothing } }",
        "an unknown argument": "{ tenant(id: 1) { name } }",
        "a missing argument": "{ stylist { name } }",
        "a leaf with fields": "{ tenant { name { x } } }",
        "an object without": "{ tenant }",
        "an unknown fragment": "{ tenant { ...T } }",
        "a fragment not used": "{ tenant { id } } fragment T on Tenant { id }",
        "a fragment of another type": "{ tenant { ... on Service { id } } }",
        "a fragment of itself": "{ tenant { ...T } } fragment T on Tenant { ...T }",
        "a conflict": "{ tenant { a: id a: name } }",
        "a conflict of arguments": f'{{ stylist(id: "{ASHA}") {{ id }} stylist(id: "{BINA}") {{ id }} }}',
        "an unknown directive": "{ tenant { id @upper } }",
        "a directive twice": "{ tenant { id @skip(if: true) @skip(if: true) } }",
        "a directive without": "{ tenant { id @skip } }",
        "a directive on the query": "query @skip(if: true) { tenant { id } }",
        "an unknown variable": "{ stylist(id: $id) { id } }",
        "a variable not used": "query ($id: ID) { tenant { id } }",
        "a variable of an unknown type": "query ($id: Thing) { stylist(id: $id) { id } }",
        "a variable where it may not be": "query ($id: Int!) { stylist(id: $id) { id } }",
        "null where it may not be": "{ stylist(id: null) { id } }",
        "a subscription": "subscription { nothing }",
        "an unclosed brace": "{ tenant { id }",
        "no braces": "tenant",
        "nothing": "",
        "only a comment": "# nothing",
        "only a fragment": "fragment T on Tenant { id }",
        "a half of a surrogate": '{ stylist(id: "\\ud800") { id } }',
    }.items():
        yield Asked(name, query, by=By.STOCK)


def malformed() -> Iterator[Asked]:
    """Bodies that are no requests, or hardly."""
    for name, body in {
        "no JSON": b"{",
        "nothing": b"",
        "null": b"null",
        "a text": b'"{ tenant { id } }"',
        "a list": b'[{"query": "{ tenant { id } }"}]',
        "no query": b"{}",
        "null for a query": b'{"query": null}',
        "a number for a query": b'{"query": 1}',
        "a list for variables": b'{"query": "{ tenant { id } }", "variables": []}',
        "a text for variables": b'{"query": "{ tenant { id } }", "variables": "{}"}',
        "extensions": b'{"query": "{ tenant { id } }", "extensions": {"persistedQuery": {}}}',
        "a text for extensions": b'{"query": "{ tenant { id } }", "extensions": "x"}',
        "a list for extensions": b'{"query": "{ tenant { id } }", "extensions": []}',
        "a number for a name": b'{"query": "{ tenant { id } }", "operationName": 0}',
        "no UTF-8": b'{"query": "{ tenant { id } } # \xff"}',
        "NaN": b'{"query": "{ tenant { id } }", "variables": {"x": NaN}}',
        "much too long": b'{"query": "{ tenant { id } } #' + b"x" * 120_000 + b'"}',
    }.items():
        yield Asked(f"body: {name}", body=body, by=By.STOCK)
        yield Asked(f"body, by GraphQL's own type: {name}", body=body, by=By.STOCK, headers={"Accept": RESPONSE})
