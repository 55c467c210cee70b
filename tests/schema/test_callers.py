"""Who may do what over HTTP and WebSocket: tokens, tenants, sessions, and what callers say of customers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import jwt
import pytest

from resolvers.context import Role
from tests.conftest import TOKENS

if TYPE_CHECKING:
    from tests.conftest import Client, Salon
    from tests.schema.conftest import Answer, Raw, Shop, Visitor

NOT_VALID = {"kind": "UNAUTHENTICATED", "message": "the bearer token is not valid here; get a new one, or send none"}
NOT_FOUND = {"kind": "NotFound", "message": "There is no such thing, or it is not yours to see."}
TENANT = "{ tenant { slug } }"
CLAIMS = "select count(*) from bookings where tenant_id = $1"


def token(shop: Shop, *, secret: str = TOKENS.secret or "", algorithm: str = "HS256", **changed: Any) -> str:
    """A member of staff's token, with some claims changed, or left out by None."""
    now = datetime.now(UTC)
    claims = {
        "sub": "sita",
        "role": "staff",
        "tenant": shop.slug,
        "aud": "chairtime",
        "exp": now + timedelta(hours=1),
        **changed,
    }
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, secret, algorithm=algorithm)


BAD_TOKENS = {
    "expired": lambda shop: token(shop, exp=datetime.now(UTC) - timedelta(seconds=1)),
    "for another audience": lambda shop: token(shop, aud="another"),
    "of no algorithm": lambda shop: token(shop, secret="", algorithm="none"),
    "of another algorithm": lambda shop: token(shop, secret="k" * 64, algorithm="HS512"),
    "with another's signature": lambda shop: token(shop, secret="another secret, longer than 32 characters"),
    "without an expiry": lambda shop: token(shop, exp=None),
    "without a subject": lambda shop: token(shop, sub=None),
    "without a tenant": lambda shop: token(shop, tenant=None),
    "without an audience": lambda shop: token(shop, aud=None),
    "of an unknown role": lambda shop: token(shop, role="root"),
    "cut short": lambda shop: token(shop)[:-10],
    "no token": lambda _: "no.token.at.all",
    "of eight thousand characters": lambda _: "x" * 8000,
}


class TestTokens:
    @pytest.mark.parametrize("which", list(BAD_TOKENS))
    async def test_a_bad_one_is_refused_for_reading_and_writing_in_the_same_words(
        self, visitor: Visitor, raw: Raw, shop: Shop, which: str
    ) -> None:
        bearer = visitor.bearing(BAD_TOKENS[which](shop))

        written = await bearer.hold(shop.at(9))
        read = await visitor.client.post(TENANT, **bearer.who)

        assert written == NOT_VALID
        assert {"kind": read["errors"][0]["extensions"]["code"], "message": read["errors"][0]["message"]} == NOT_VALID
        assert await raw.value(CLAIMS) == 0

    @pytest.mark.parametrize("which", ["expired", "with another's signature", "of no algorithm"])
    async def test_a_bad_one_makes_nobody_staff(self, visitor: Visitor, shop: Shop, which: str) -> None:
        booked = await visitor.book(shop.at(9))

        assert await visitor.bearing(BAD_TOKENS[which](shop)).complete(booked["id"]) == NOT_VALID
        assert (await visitor.booking(booked["id"]))["status"] == "CONFIRMED"

    async def test_one_of_a_megabyte_is_refused_in_the_same_words(self, visitor: Visitor) -> None:
        headers = {"Authorization": "Bearer " + "x" * 1_000_000}
        async with visitor.client.http.post(visitor.client.url, json={"query": TENANT}, headers=headers) as response:
            (error,) = (await response.json())["errors"]

        assert response.status == 200
        assert {"kind": error["extensions"]["code"], "message": error["message"]} == NOT_VALID

    @pytest.mark.parametrize("which", list(BAD_TOKENS))
    @pytest.mark.parametrize("by", ["payload", "headers"])
    async def test_a_bad_one_closes_a_websocket_before_it_is_acknowledged(
        self, visitor: Visitor, shop: Shop, which: str, by: str
    ) -> None:
        named = {"Authorization": f"Bearer {BAD_TOKENS[which](shop)}"}

        closed = await refused_websocket(visitor.client, **{by: named})

        assert closed == (4401, "Unauthorized")

    async def test_one_that_is_as_long_as_a_message_may_be_closes_a_websocket_too(self, visitor: Visitor) -> None:
        closed = await refused_websocket(visitor.client, payload={"Authorization": "Bearer " + "x" * 65_000})

        assert closed == (4401, "Unauthorized")

    async def test_one_of_a_megabyte_is_no_message(self, visitor: Visitor) -> None:
        closed = await refused_websocket(visitor.client, payload={"Authorization": "Bearer " + "x" * 1_000_000})

        assert closed == (4413, "Message too large")

    async def test_a_bad_one_in_the_payload_goes_before_a_good_one_of_the_headers(
        self, visitor: Visitor, shop: Shop
    ) -> None:
        closed = await refused_websocket(
            visitor.client,
            payload={"authorization": "Bearer x"},
            headers={"Authorization": f"Bearer {token(shop)}"},
        )

        assert closed == (4401, "Unauthorized")

    @pytest.mark.parametrize("role", [Role.STAFF, Role.ADMIN, Role.SERVICE])
    async def test_staff_admins_and_services_end_bookings(self, visitor: Visitor, shop: Shop, role: Role) -> None:
        booked = await visitor.book(shop.at(9))

        assert (await visitor.role(role, "sita").complete(booked["id"]))["status"] == "COMPLETED"

    async def test_a_token_without_a_role_is_a_customer_s(self, visitor: Visitor, shop: Shop) -> None:
        cleo = visitor.bearing(token(shop, role=None))
        booked = await cleo.book(shop.at(9))

        assert (await cleo.complete(booked["id"]))["kind"] == "FORBIDDEN"

    async def test_what_a_subject_made_is_theirs_by_every_token_and_without_their_session(
        self, customer: Visitor, visitor: Visitor, shop: Shop
    ) -> None:
        booked = await customer.book(shop.at(9))
        again = visitor.role(Role.CUSTOMER, "cleo")

        assert (await again.booking(booked["id"]))["id"] == booked["id"]
        assert (await again.cancel(booked["id"]))["status"] == "CANCELLED"

    @pytest.mark.parametrize("session", ["cleo", "sub:cleo", "session:cleo"])
    async def test_a_session_of_the_same_name_is_somebody_else(
        self, customer: Visitor, visitor: Visitor, shop: Shop, session: str
    ) -> None:
        held = await customer.hold(shop.at(9))

        assert await visitor.named(session).confirm(held["id"]) == NOT_FOUND

    async def test_the_subject_and_not_the_session_beside_it_owns_what_is_made(
        self, customer: Visitor, visitor: Visitor, raw: Raw, shop: Shop
    ) -> None:
        both = {**customer.who, "session": "tester"}
        await visitor.client.data(
            "mutation ($input: HoldPlaceInput!) { holdPlace(input: $input) { __typename } }",
            {"input": visitor.start(shop.at(9), None, None)},
            **both,
        )

        assert await raw.value("select holder from bookings where tenant_id = $1") == "sub:cleo"


class TestTenants:
    async def test_whoever_names_none_is_at_the_oldest(self, client: Client, salon: Salon, app: Any) -> None:
        answer = await client.data("{ tenant { id slug } }")

        assert answer["tenant"] == {"id": salon.tenant, "slug": "testers"}

    async def test_a_token_s_tenant_goes_without_the_header(self, staff: Visitor, shop: Shop) -> None:
        answer = await staff.client.data(TENANT, **staff.who)

        assert answer["tenant"]["slug"] == shop.slug

    async def test_another_tenant_s_header_beside_a_token_is_forbidden(
        self, visitor: Visitor, neighbour: Visitor, shop: Shop
    ) -> None:
        answer = await visitor.client.code(TENANT, token=token(shop), tenant=neighbour.salon.slug)

        assert answer == "FORBIDDEN"

    @pytest.mark.parametrize("slug", ["nobody", "NOBODY", "-", "x" * 64, "a b", "'; drop table tenants; --"])
    async def test_an_unknown_tenant_is_not_found(self, visitor: Visitor, slug: str) -> None:
        answer = await visitor.client.code(TENANT, session="tester", tenant=slug)

        assert answer == "NOT_FOUND"

    async def test_a_token_for_an_unknown_tenant_is_not_found(self, visitor: Visitor, shop: Shop) -> None:
        answer = await visitor.client.code(TENANT, token=token(shop, tenant="nobody"))

        assert answer == "NOT_FOUND"

    async def test_nothing_is_written_for_an_unknown_tenant(self, visitor: Visitor, shop: Shop) -> None:
        nowhere = visitor.bearing(token(shop, tenant="nobody"))

        assert (await nowhere.hold(shop.at(9)))["kind"] == "NOT_FOUND"


class TestTwoTenantsWithTheSameIds:
    async def test_one_s_claims_are_not_in_the_other_s_way(
        self, visitor: Visitor, neighbour: Visitor, shop: Shop
    ) -> None:
        await neighbour.slots()
        await visitor.book(shop.at(9))
        await visitor.hold(shop.at(10))

        assert len(await neighbour.free()) == 14
        assert [(await neighbour.hold(start))["kind"] for start in (shop.at(9), shop.at(10))] == ["Hold", "Hold"]

    @pytest.mark.parametrize("act", ["release", "confirm", "cancel", "complete", "miss", "move"])
    async def test_nobody_of_the_other_reaches_one_s_claims(
        self, visitor: Visitor, neighbour: Visitor, shop: Shop, act: str
    ) -> None:
        claim = await (visitor.hold if act in ("release", "confirm") else visitor.book)(shop.at(9))
        more = [shop.at(10)] if act == "move" else []

        for other in (neighbour, neighbour.role(Role.STAFF, "sita"), neighbour.role(Role.ADMIN, "root")):
            if act not in ("complete", "miss") or other is not neighbour:
                assert await getattr(other, act)(claim["id"], *more) == NOT_FOUND
                assert await other.booking(claim["id"]) is None
        assert await visitor.status(shop.at(9)) in ("HELD", "BOOKED")

    async def test_keys_are_each_one_s_own(self, visitor: Visitor, neighbour: Visitor, shop: Shop) -> None:
        booked = await visitor.book(shop.at(9), idempotencyKey="k")
        others = await neighbour.book(shop.at(10), idempotencyKey="k")

        assert (booked["startUtc"], others["startUtc"]) == (shop.at(9), shop.at(10))
        assert booked["id"] != others["id"]

    async def test_one_s_prices_and_hours_are_not_the_other_s(
        self, visitor: Visitor, neighbour: Visitor, raw: Raw, shop: Shop
    ) -> None:
        await raw.run("update services set price_cents = 1 where tenant_id = $1")
        await raw.run("update tenants set hold_seconds = 1 where id = $1")

        held = await neighbour.hold(shop.at(9))

        assert held["priceCents"] == 2000
        assert datetime.fromisoformat(held["expiresAt"]) > datetime.now(UTC) + timedelta(minutes=5)

    async def test_the_audit_log_has_each_one_s_own(
        self, visitor: Visitor, neighbour: Visitor, raw: Raw, shop: Shop
    ) -> None:
        await visitor.book(shop.at(9))
        await neighbour.book(shop.at(9))
        await neighbour.hold(shop.at(9))

        assert await raw.value("select count(*) from audit_log where tenant_id = $1") == 1


class TestSessions:
    @pytest.mark.parametrize("session", ["x" * 201, "two words", "caf\u00e9", "tab\there"])
    async def test_one_that_cannot_be_is_refused_and_says_what_can(
        self, visitor: Visitor, shop: Shop, session: str
    ) -> None:
        refused = await visitor.named(session).hold(shop.at(9))

        assert refused == {
            "kind": "BAD_INPUT",
            "message": "X-Session-Id: 1 to 200 printable ASCII characters without spaces",
        }

    @pytest.mark.parametrize("session", ["x" * 200, "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", "0"])
    async def test_any_printable_word_owns_what_it_makes(self, visitor: Visitor, shop: Shop, session: str) -> None:
        named = visitor.named(session)
        held = await named.hold(shop.at(9))

        assert (await named.confirm(held["id"]))["kind"] == "Booking"

    async def test_letters_count_as_they_are_written(self, visitor: Visitor, shop: Shop) -> None:
        held = await visitor.named("Tester").hold(shop.at(9))

        assert await visitor.named("tester").confirm(held["id"]) == NOT_FOUND

    async def test_over_a_websocket_it_comes_with_the_connection(self, visitor: Visitor, shop: Shop) -> None:
        held = await visitor.hold(shop.at(9))
        release = f'mutation {{ holdRelease(holdId: "{held["id"]}") {{ kind: __typename }} }}'

        others = await over_websocket(visitor.client, release, {"X-Session-Id": "rival", "X-Tenant": shop.slug})
        own = await over_websocket(visitor.client, release, {"x-session-id": "tester", "x-tenant": shop.slug})

        assert others["payload"]["data"]["holdRelease"] == {"kind": "NotFound"}
        assert own["payload"]["data"]["holdRelease"] == {"kind": "Hold"}


async def over_websocket(client: Client, query: str, params: dict[str, str]) -> Any:
    """The first answer to an operation over graphql-transport-ws."""
    async with client.http.ws_connect(client.url, protocols=["graphql-transport-ws"]) as socket:
        await socket.send_json({"type": "connection_init", "payload": params})
        assert (await socket.receive_json(timeout=10))["type"] == "connection_ack"
        await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": query}})
        return await socket.receive_json(timeout=10)


async def refused_websocket(
    client: Client, *, payload: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> tuple[int | None, str]:
    """The code and reason of a close frame that comes instead of the acknowledgement."""
    async with client.http.ws_connect(client.url, protocols=["graphql-transport-ws"], headers=headers or {}) as socket:
        await socket.send_json({"type": "connection_init", "payload": payload or {}})
        await socket.send_json({"type": "subscribe", "id": "1", "payload": {"query": TENANT}})
        message = await socket.receive(timeout=10)
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return message.data, message.extra


NUL = "has a character that no text can have (NUL or half of a surrogate pair)"


class TestCustomers:
    @pytest.mark.parametrize(
        "customer, faults",
        [
            pytest.param({"name": ""}, ["name: give a name"], id="no name"),
            pytest.param({"name": " \t\n "}, ["name: give a name"], id="a blank name"),
            pytest.param({"name": "x" * 201}, ["name: longer than 200 characters"], id="a name too long"),
            pytest.param({"name": "Cl\x00eo"}, [f"name: {NUL}"], id="a name with a NUL"),
            pytest.param({"name": "C", "email": "cleo"}, ["email: 'cleo' is not an e-mail address"], id="no e-mail"),
            pytest.param(
                {"name": "C", "email": "a b@c.d"}, ["email: 'a b@c.d' is not an e-mail address"], id="a blank"
            ),
            pytest.param(
                {"name": "C", "email": "x" * 250 + "@c.de"}, ["email: longer than 254 characters"], id="e-mail too long"
            ),
            pytest.param(
                {"name": "C", "phone": "call me"}, ["phone: 'call me' is not a telephone number"], id="no phone"
            ),
            pytest.param({"name": "C", "phone": "1" * 41}, ["phone: longer than 40 characters"], id="phone too long"),
            pytest.param(
                {"name": " ", "email": "@", "phone": "+"},
                ["name: give a name", "email: '@' is not an e-mail address", "phone: '+' is not a telephone number"],
                id="three faults of form",
            ),
            pytest.param(
                {"name": "\x00", "email": "x" * 255, "phone": "no"},
                [f"name: {NUL}", "email: longer than 254 characters", "phone: 'no' is not a telephone number"],
                id="three faults of three kinds",
            ),
        ],
    )
    @pytest.mark.parametrize("write", ["book", "confirm"])
    async def test_every_fault_is_told_at_once(
        self, visitor: Visitor, shop: Shop, write: str, customer: Answer, faults: list[str]
    ) -> None:
        what = (await visitor.hold(shop.at(9)))["id"] if write == "confirm" else shop.at(9)

        refused = await getattr(visitor, write)(what, customer=customer)

        assert refused == {"kind": "BAD_INPUT", "message": "; ".join(f"customer.{fault}" for fault in faults)}

    @pytest.mark.parametrize(
        "customer, kept",
        [
            pytest.param({"name": "x" * 200}, ("x" * 200, None, None), id="a long name"),
            pytest.param({"name": "आशा 🪒 O'Neil"}, ("आशा 🪒 O'Neil", None, None), id="a name of any script"),
            pytest.param({"name": "C", "email": "", "phone": " "}, ("C", None, None), id="blanks are as good as none"),
            pytest.param({"name": "C", "email": None, "phone": None}, ("C", None, None), id="nulls are too"),
            pytest.param(
                {"name": " C ", "email": " c+x@例え.jp ", "phone": " +977 (1) 555-01.00/2 "},
                ("C", "c+x@例え.jp", "+977 (1) 555-01.00/2"),
                id="edges are trimmed",
            ),
        ],
    )
    async def test_what_is_fine_is_kept(
        self, visitor: Visitor, shop: Shop, customer: Answer, kept: tuple[str, str | None, str | None]
    ) -> None:
        booked = await visitor.book(shop.at(9), customer=customer)

        assert tuple(booked["customer"][name] for name in ("name", "email", "phone")) == kept

    @pytest.mark.parametrize("write", ["book", "confirm"])
    @pytest.mark.parametrize(
        "notes, told",
        [("x" * 2001, "notes: longer than 2000 characters"), ("\x00", f"notes: {NUL}")],
        ids=["long", "NUL"],
    )
    async def test_notes_that_cannot_be_kept_are_refused(
        self, visitor: Visitor, shop: Shop, write: str, notes: str, told: str
    ) -> None:
        what = (await visitor.hold(shop.at(9)))["id"] if write == "confirm" else shop.at(9)

        assert await getattr(visitor, write)(what, notes=notes) == {"kind": "BAD_INPUT", "message": told}

    async def test_notes_of_2000_characters_are_kept(self, visitor: Visitor, raw: Raw, shop: Shop) -> None:
        await visitor.book(shop.at(9), notes="🪒" * 2000)

        assert await raw.value("select notes from bookings where tenant_id = $1") == "🪒" * 2000

    @pytest.mark.parametrize("where", ["name", "notes", "idempotencyKey"])
    async def test_half_of_a_surrogate_pair_is_refused_and_nothing_written(
        self, visitor: Visitor, raw: Raw, shop: Shop, where: str
    ) -> None:
        half = "\ud83e"
        refused = await visitor.book(
            shop.at(9),
            customer={"name": half if where == "name" else "C"},
            **({where: half} if where != "name" else {}),
        )

        assert refused["kind"] == "BAD_INPUT"
        assert await raw.value(CLAIMS) == 0

    async def test_half_of_a_surrogate_pair_in_the_document_is_refused_too(self, visitor: Visitor, shop: Shop) -> None:
        query = (
            f'mutation {{ bookingCreate(input: {{stylistId: "{shop.asha}", serviceId: "{shop.cut}",'
            f' startUtc: "{shop.at(9)}", customer: {{name: "\\ud83e"}}}}) {{ __typename }} }}'
        )

        assert await visitor.client.code(query, **visitor.who) == "BAD_INPUT"

    async def test_whoever_may_not_see_a_booking_does_not_see_its_customer(
        self, visitor: Visitor, rival: Visitor, staff: Visitor, shop: Shop
    ) -> None:
        booked = await visitor.book(shop.at(9), customer={"name": "Cleo", "email": "c@d.ef"})
        query = "query ($id: ID!) { booking(id: $id) { customer { email } } }"

        seen = [await who.client.data(query, {"id": booked["id"]}, **who.who) for who in (visitor, staff, rival)]

        mine = {"booking": {"customer": {"email": "c@d.ef"}}}
        assert seen == [mine, mine, {"booking": None}]
