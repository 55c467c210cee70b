"""Reading availability, over HTTP."""

from __future__ import annotations

from typing import Any

SLOTS = """
query ($stylist: ID!, $service: ID!, $date: Date!, $freshness: Freshness = VERIFIED) {
  availableSlots(stylistId: $stylist, serviceId: $service, date: $date, freshness: $freshness) {
    freeCount
    slots { startUtc status }
    cache { hit source verified version }
  }
}
"""


async def test_a_second_read_is_a_verified_hit(client: Any, salon: Any) -> None:
    asked = {"stylist": salon.asha, "service": salon.cut, "date": str(salon.day)}
    await client.data(SLOTS, asked)

    answer = await client.data(SLOTS, asked)

    cache = answer["availableSlots"]["cache"]
    assert (cache["hit"], cache["source"], cache["verified"]) == (True, "MEMORY", True)
    assert answer["availableSlots"]["freeCount"] == 14
