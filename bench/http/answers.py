"""That all say the same, before anybody is timed; and the files that the peers say it from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson

from bench.http import salon
from bench.http.client import Address, Connection, encode
from bench.http.works import DAY, Variant, Work

# What depends on when and by which process it was asked. `version` does not.
OF_THE_MOMENT = frozenset({"hit", "source", "verified", "computedAt", "expiresAt", "ageSeconds"})
VALUES = f"""query Values($stylists: [ID!], $service: ID!, $from: Date!, $to: Date!) {{
  stylists(ids: $stylists) {{ id name availability(serviceId: $service, from: $from, to: $to) {{ {DAY} }} }}
}}"""
STEP_DAYS = 15

Bodies = Mapping[bytes, bytes]


class Asker:
    """One connection, for what is not timed."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection = Connection(address)

    def ask(self, body: bytes) -> bytes:
        return self._connection.ask(encode(body, self._address))

    def data(self, query: str, **variables: Any) -> Any:
        """The data of an answer."""
        return orjson.loads(self.ask(orjson.dumps({"query": query, "variables": variables})))["data"]

    def close(self) -> None:
        self._connection.close()


def comparable(answer: bytes) -> Any:
    """An answer without what depends on the moment; that all of it is there counts."""
    return _timeless(orjson.loads(answer))


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: key if key in OF_THE_MOMENT else _timeless(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_timeless(one) for one in value]
    return value


def compare(works: Iterable[Work], variant: Variant, address: Address, expected: Bodies) -> int:
    """Asks everything twice, which warms whoever is asked, and returns how much was asked. Exits if an answer differs.

    expected: answers by the body that asks for VERIFIED.
    """
    asker, asked = Asker(address), 0
    for work in works:
        for _ in range(2):
            for body, plain in zip(work.bodies(variant.freshness), work.bodies("VERIFIED"), strict=True):
                answer = asker.ask(body)
                asked += 1
                if comparable(answer) != comparable(expected[plain]):
                    raise SystemExit(_difference(work, variant, body, answer, expected[plain]))
    asker.close()
    return asked


def _difference(work: Work, variant: Variant, body: bytes, answer: bytes, expected: bytes) -> str:
    shown = "\n".join(one[:600].decode() for one in (body, answer, expected))
    return f"{variant.name} answers the {work.name} differently:\n{shown}"


def ask_all(works: Iterable[Work], address: Address) -> dict[bytes, bytes]:
    """The answer to each body of the works, VERIFIED, in the words of who is asked second: from the cache."""
    asker = Asker(address)
    bodies = [body for work in works for body in work.bodies("VERIFIED")]
    found = {body: asker.ask(body) for _ in range(2) for body in bodies}
    asker.close()
    return found


def write_pairs(answers: Bodies, folder: Path) -> None:
    """What the bare server reads."""
    folder.mkdir()
    for number, (body, answer) in enumerate(answers.items()):
        (folder / f"{number}.request").write_bytes(body)
        (folder / f"{number}.answer").write_bytes(answer)


def write_values(address: Address, today: date, file: Path) -> None:
    """What the peers with resolvers read: stylists, and their days by ids and date."""
    asker = Asker(address)
    days: dict[str, Any] = {}
    stylists: dict[str, Any] = {}
    for service, count in ((salon.SLOTS_16, salon.DAYS), (salon.SLOTS_48, 1)):
        first = salon.first_day(today)
        for step in range(0, count, STEP_DAYS):
            span = (first + timedelta(step), first + timedelta(min(step + STEP_DAYS, count) - 1))
            for stylist in salon.STYLISTS:
                given = {"service": service, "from": str(span[0]), "to": str(span[1])}
                found = asker.data(VALUES, stylists=[stylist], **given)["stylists"][0]
                stylists[stylist] = {"id": stylist, "name": found["name"]}
                days |= {f"{stylist} {service} {one['date']}": one for one in found["availability"]}
    asker.close()
    file.write_bytes(orjson.dumps({"stylists": list(stylists.values()), "days": days}))
