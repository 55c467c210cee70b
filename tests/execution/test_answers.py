"""Answers as bytes: what is kept and how much of it, fragments, and the gaps that are filled each time."""

from __future__ import annotations

from random import Random
from typing import Any

import orjson
import pytest

from execution import answers
from execution.answers import Answer, Bounded, Draft, Gap, Part, rendered
from execution.projectors import HOLE, Changing, Hole
from tests.execution.conftest import Server, World

MOMENTARY = Changing("real", lambda one: f"{one} then", lambda one, moment: [one, moment])
SETTLED = Changing("", lambda one: f"{one} then", lambda one: f"{one} since")


def test_what_was_asked_for_last_is_kept_as_far_as_it_fits() -> None:
    bounded: Bounded[str, int] = Bounded(100)
    for n, name in enumerate("abcdefghi"):
        bounded.put(name, n, 12)
        assert bounded.get("a") == 0

    assert [bounded.get(name) for name in "abcdefghi"] == [0, None, 2, 3, 4, 5, 6, 7, 8]
    assert (len(bounded), bounded.size) == (8, 96)


def test_a_value_that_replaces_another_replaces_its_size() -> None:
    bounded: Bounded[str, int] = Bounded(100)
    bounded.put("a", 1, 12)
    bounded.put("a", 2, 5)
    assert (bounded.get("a"), len(bounded), bounded.size) == (2, 1, 5)

    bounded.put("a", 3, 13)  # more than an eighth
    assert (bounded.get("a"), len(bounded), bounded.size) == (None, 0, 0)

    bounded.drop("a")
    assert bounded.size == 0


def test_the_size_is_that_of_what_is_there_whatever_comes() -> None:
    random, bounded, sizes = Random(1), Bounded[int, int](1_000), dict[int, int]()
    for _ in range(5_000):
        key, size = random.randrange(40), random.randrange(150)
        if random.random() < 0.1:
            bounded.drop(key)
        else:
            bounded.put(key, size, size)
            sizes[key] = size
        there = [one for one in range(40) if bounded.get(one) is not None]
        assert bounded.size == sum(sizes[one] for one in there) <= 1_000
        assert len(bounded) == len(there)


def test_a_text_with_the_gaps_own_byte_is_no_gap() -> None:
    found = rendered({"a": "\x00", "b": HOLE, "\x00": HOLE}, [Hole(SETTLED, 1), Hole(SETTLED, 2)])

    assert found.parts == [b'{"a":"\\u0000","b":', b',"\\u0000":', b"}"]


def test_gaps_and_holes_must_match() -> None:
    with pytest.raises(ValueError, match="gaps"):
        rendered({"a": HOLE}, [])


def test_an_answer_is_as_found_first_then_as_it_settled_and_as_of_the_moment() -> None:
    parts = [
        Part(b'{"a":', Hole(SETTLED, "x")),
        Part(b',"b":', Hole(MOMENTARY, 7)),
        Part(b',"c":', Hole(MOMENTARY, 8)),
    ]
    parts += [Part(b',"d":', Hole(SETTLED, "u")), Part(b',"e":', Hole(MOMENTARY, 7)), Part(b"}", None)]

    draft = Draft()
    for part in parts:
        draft.add(part)
    answer = draft.kept(None)

    found = {"a": "x then", "b": "7 then", "c": "8 then", "d": "u then", "e": "7 then"}
    assert orjson.loads(draft.found()) == found
    assert len(answer.gaps) == 2  # what is of the same is asked for once
    for moment in (1, 2):
        assert orjson.loads(answer.at(moment)) == {
            "a": "x since",
            "b": [7, moment],
            "c": [8, moment],
            "d": "u since",
            "e": [7, moment],
        }


def test_an_answer_without_gaps_is_its_bytes() -> None:
    draft = Draft()
    draft.add(Part(b"{", None))
    draft.add(Part(b"}", None))
    answer = draft.kept(None)

    assert answer.at(None) is answer.at(1)
    assert answer.size > len(answer.at(None))
    assert Answer([b"1", b"", b"2"], [Gap(MOMENTARY.later, 1, [1])], None).size > answer.size


async def test_a_fragment_is_projected_once_and_its_holes_are_found_anew() -> None:
    world = World(kept={}, proves=False)
    server = Server(world)
    query = "query ($u: Boolean!) { page { number words(upper: $u) at yours again } }"

    for name, upper in (("ann", True), ("ann", True), ("bob", True), ("bob", False), (None, False)):
        found = await server.planned(query, {"u": upper}, **({"name": name} if name else {}))
        expected = await server.stock(query, {"u": upper}, **({"name": name} if name else {}))
        assert found == (expected if name is None else None)  # by asker, and nothing proves for whom

    world.proves, world.askers = True, frozenset({"ann", "bob"})
    for name in ("ann", "bob", "cid") * 2:
        world.version += 1
        found = await server.planned(query, {"u": True}, name=name)
        assert found == await server.stock(query, {"u": True}, name=name)
    assert sum(isinstance(key, tuple) for key in world.kept or ()) == 4  # nobody's of two kinds, Ann's and Bob's


async def test_fragments_on_a_shelf_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "FRAGMENTS_MAX", 3)
    world = World(kept={})
    server = Server(world)

    for n in range(6):
        query = f"{{ page {{ a{n}: number words }} }}"
        assert await server.planned(query) == await server.stock(query)

    assert len(world.kept or ()) == 3


@pytest.mark.parametrize("keeps_fragments", [True, False])
async def test_bytes_or_values_are_kept_and_the_answers_are_the_same(keeps_fragments: bool) -> None:
    server, seen = Server(World(kept={}), keeps_fragments=keeps_fragments), list[Any]()
    query = "{ pages(numbers: [1, 2]) { number at again words } echo }"

    for now in (0, 7, 8):
        server.world.now = now
        seen.append(await server.planned(query))

    assert seen[0] == await server.stock(query)
    later = [[(one["at"], one["again"]) for one in found["data"]["pages"]] for found in seen]
    assert later == [[(0, False)] * 2, [(7, True)] * 2, [(8, True)] * 2]
    assert server.world.made == 1
