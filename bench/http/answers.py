"""That all say the same, before anybody is timed; and the files that the peers say it from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from bench.http import salon
from bench.http.client import Address, Connection, encode
from bench.http.works import Variables, Variant, Work

# What depends on when and by which process it was asked. `version` does not.
OF_THE_MOMENT = frozenset({"hit", "source", "verified", "computedAt", "expiresAt", "ageSeconds"})

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
    """Asks everything, which warms whoever is asked, and returns how much was asked. Exits if an answer differs.

    The first of each work is asked three times: what is known by sight is known then. expected: answers by the body that asks
    for VERIFIED.
    """
    asker, asked = Asker(address), 0
    pairs: dict[bytes, bytes] = {}  # works may have bodies in common
    for work in works:
        own = dict(zip(work.bodies(variant.freshness), work.bodies("VERIFIED"), strict=True))
        new = [body for body in own if body not in pairs]
        pairs |= own
        for body in (*new[:1] * 2, *new):
            answer = asker.ask(body)
            asked += 1
            if comparable(answer) != comparable(expected[own[body]]):
                raise SystemExit(_difference(work, variant, body, answer, expected[own[body]]))
    asker.close()
    return asked


def _difference(work: Work, variant: Variant, body: bytes, answer: bytes, expected: bytes) -> str:
    shown = "\n".join(one[:600].decode() for one in (body, answer, expected))
    return f"{variant.name} answers the {work.name} differently:\n{shown}"


def ask_all(works: Iterable[Work], address: Address) -> dict[bytes, bytes]:
    """The answer to each body of the works that asks for VERIFIED."""
    asker = Asker(address)
    bodies = dict.fromkeys(body for work in works for body in work.bodies("VERIFIED"))
    found = {body: asker.ask(body) for body in bodies}
    asker.close()
    return found


def write_pairs(answers: Bodies, folder: Path) -> None:
    """What the bare server reads."""
    folder.mkdir()
    for number, (body, answer) in enumerate(answers.items()):
        (folder / f"{number}.request").write_bytes(body)
        (folder / f"{number}.answer").write_bytes(answer)


def write_values(works: Iterable[Work], expected: Bodies, file: Path) -> None:
    """What the peers with resolvers read: the stylists that are asked for, and their days by ids and date."""
    stylists: dict[str, Any] = {}
    days: dict[str, Any] = {}
    for work in works:
        for variables, body in zip(work.variables, work.bodies("VERIFIED"), strict=True):
            for stylist, name, found in _days(orjson.loads(expected[body])["data"], variables):
                stylists[stylist] = {"id": stylist, "name": name}
                days[f"{stylist} {variables['service']} {found['date']}"] = found
    file.write_bytes(orjson.dumps({"stylists": list(stylists.values()), "days": days}))


def _days(data: Any, variables: Variables) -> Iterator[tuple[str, str, Any]]:
    """The days of an answer, with id and name of whose they are."""
    if "availableSlots" in data:
        stylist = variables["stylist"]
        yield stylist, salon.name_of(stylist), data["availableSlots"]
        return
    for one in data.get("stylists") or [data["stylist"]]:
        for found in one["availability"]:
            yield one.get("id") or variables["stylist"], one["name"], found
