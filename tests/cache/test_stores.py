"""The memory store: aiocache's, with a bound."""

from __future__ import annotations

import pytest

from cache.stores import BoundedMemory


@pytest.fixture
def evicted() -> list[object]:
    return []


@pytest.fixture
def memory(evicted: list[object]) -> BoundedMemory:
    """Room for three."""
    return BoundedMemory(3, evicted.append)


async def fill(memory: BoundedMemory, *keys: str) -> None:
    for key in keys:
        await memory.set(key, f"value of {key}")


async def test_what_was_stored_longest_ago_goes_when_there_is_no_room(
    memory: BoundedMemory, evicted: list[object]
) -> None:
    await fill(memory, "a", "b", "c", "d", "e")

    assert evicted == ["value of a", "value of b"]
    assert await memory.multi_get(["a", "b", "c", "d", "e"]) == [None, None, "value of c", "value of d", "value of e"]


@pytest.mark.parametrize("ask", ["get", "multi_get"])
async def test_what_is_asked_for_stays(memory: BoundedMemory, evicted: list[object], ask: str) -> None:
    await fill(memory, "a", "b", "c")

    await (memory.get("a") if ask == "get" else memory.multi_get(["a"]))
    await fill(memory, "d")

    assert evicted == ["value of b"]


async def test_a_value_that_is_replaced_takes_no_more_room_and_stays(
    memory: BoundedMemory, evicted: list[object]
) -> None:
    await fill(memory, "a", "b", "c", "a", "d")

    assert evicted == ["value of b"]
    assert len(memory) == 3


async def test_what_is_discarded_is_gone_and_is_not_told_of(memory: BoundedMemory, evicted: list[object]) -> None:
    await fill(memory, "a")

    memory.discard("a")
    memory.discard("never there")

    assert (await memory.get("a"), len(memory), evicted) == (None, 0, [])


async def test_values_are_shared_not_copied(memory: BoundedMemory) -> None:
    value = object()
    await memory.set("a", value)

    assert await memory.get("a") is value


async def test_ten_thousand_entries_never_take_more_room_than_there_is() -> None:
    evicted: list[object] = []
    memory = BoundedMemory(100, evicted.append)

    for number in range(10_000):
        await memory.set(str(number), number)

    assert (len(memory), evicted) == (100, list(range(9_900)))
