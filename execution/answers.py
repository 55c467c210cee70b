"""Answers as bytes, with gaps for what changes by the moment."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from execution.projectors import GAP, Changing, Child, Hole, items

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

FRAGMENTS_MAX = 64  # on a shelf


class Rendering(NamedTuple):
    """parts: one more than holes, which go between them."""

    parts: Sequence[bytes]
    holes: Sequence[Hole]


class Part(NamedTuple):
    """Bytes, and what comes after them."""

    text: bytes
    hole: Hole | None


class Given(NamedTuple):
    """What projectors are called with. keys: of each child's arguments, for fragments to be kept under."""

    values: Sequence[Mapping[str, Any]]
    keys: Mapping[Child, Hashable]
    info: Any


class Gap(NamedTuple):
    """What goes to places among an answer's parts: render(value, moment)."""

    render: Callable[[Any, Any], Any]
    value: Any
    places: list[int]


@dataclass(eq=False, slots=True)
class Answer:
    """What is kept of an answer, to be served again as long as its proof holds. texts, joined: of the last time."""

    parts: list[bytes]
    gaps: list[Gap]
    proof: Any
    texts: list[bytes] | None = None
    joined: bytes = b""

    @property
    def size(self) -> int:
        """In bytes, about."""
        return 2 * sum(map(len, self.parts)) + 100 * len(self.parts) + 500

    def at(self, moment: Any) -> bytes:
        """The bytes, as of a moment; the same again if nothing that changes reads otherwise."""
        if not self.gaps:
            return self.parts[0]
        texts = [orjson.dumps(gap.render(gap.value, moment)) for gap in self.gaps]
        if texts != self.texts:
            parts = self.parts.copy()
            for text, gap in zip(texts, self.gaps, strict=True):
                for place in gap.places:
                    parts[place] = text
            self.texts, self.joined = texts, b"".join(parts)
        return self.joined


class Bounded(Generic[K, V]):
    """Keeps what was asked for last, as much as fits."""

    def __init__(self, size_max: int) -> None:
        self._size_max = size_max
        self._size = 0
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def get(self, key: K) -> V | None:
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Keeps a value, unless it alone is more than an eighth of all there may be."""
        self.drop(key)
        if size * 8 > self._size_max:
            return
        self._kept[key] = value, size
        self._size += size
        while self._size > self._size_max:
            _, (_, gone) = self._kept.popitem(last=False)
            self._size -= gone

    def drop(self, key: K) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._size -= found[1]

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> int:
        return self._size


def rendered(data: Any, holes: list[Hole]) -> Rendering:
    """Data with gaps where it has holes. Raises TypeError for what is no JSON."""
    parts = orjson.dumps(data).split(GAP)
    if len(parts) != len(holes) + 1:
        raise ValueError("gaps do not match holes")
    return Rendering(parts, holes)


def of_child(child: Child, value: Any, given: Given, *, keeps: bool) -> Iterator[Part]:
    """The rendering of what a LATER field gave. keeps: whether fragments are kept."""
    render = _fragment if keeps and child.bind is not None else _projected
    if not child.is_list:
        yield from _parts(render(child, value, given))
        return
    between = b"["
    for one in items(value):
        yield Part(between, None)
        yield from _parts(render(child, one, given))
        between = b","
    yield Part(b"]" if value else b"[]", None)


def _parts(rendering: Rendering) -> Iterator[Part]:
    return map(Part, rendering.parts, (*rendering.holes, None))


def _fragment(child: Child, value: Any, given: Given) -> Rendering:
    """A value's rendering, from its shelf if it is there."""
    place = value.shelf() if hasattr(value, "shelf") else None
    if place is None:
        return _projected(child, value, given)
    fragments, what_else = place
    key = (child, given.keys[child], what_else)
    parts: Sequence[bytes] | None = fragments.get(key)
    if parts is None:
        rendering = _projected(child, value, given)
        if len(fragments) < FRAGMENTS_MAX:
            fragments[key] = rendering.parts
        return rendering
    holes: list[Hole] = []
    assert child.bind is not None
    child.bind(value, given.values, given.info, holes)
    return Rendering(parts, holes)


def _projected(child: Child, value: Any, given: Given) -> Rendering:
    holes: list[Hole] = []
    return rendered(child.project(value, given.values, given.info, holes), holes)


class Draft:
    """An answer that is put together part by part: `found` is given now, `kept` is what may be given again."""

    def __init__(self) -> None:
        self._found: list[bytes] = []
        self._kept: list[bytes] = []
        self._run: list[bytes] = []  # of what is kept, since its last gap
        self._gaps: dict[Any, Gap] = {}

    def add(self, part: Part) -> None:
        """The next part. What is settled is filled in, what is of the moment stays open in what is kept."""
        text, hole = part
        self._found.append(text)
        self._run.append(text)
        if hole is None:
            return
        changing = _changing(hole)
        self._found.append(orjson.dumps(changing.found(hole.value)))
        if changing.of:
            self._kept += [b"".join(self._run), b""]
            value = getattr(hole.value, changing.of)
            gap = self._gaps.setdefault((changing, value), Gap(changing.later, value, []))
            gap.places.append(len(self._kept) - 1)
            self._run = []
        else:
            self._run.append(orjson.dumps(changing.later(hole.value)))

    def found(self) -> bytes:
        """The bytes, for who asked first."""
        return b"".join(self._found)

    def kept(self, proof: Any) -> Answer:
        """What is kept of it, as long as the proof holds."""
        return Answer([*self._kept, b"".join(self._run)], list(self._gaps.values()), proof)


def as_of(parts: Sequence[Part], moment: Any) -> bytes:
    """The bytes of an answer given again, as of a moment: as `Draft.kept` and `at`, where nothing is kept."""
    return b"".join([text if hole is None else text + orjson.dumps(_later(hole, moment)) for text, hole in parts])


def _later(hole: Hole, moment: Any) -> Any:
    changing = _changing(hole)
    return changing.later(getattr(hole.value, changing.of), moment) if changing.of else changing.later(hole.value)


def _changing(hole: Hole) -> Changing:
    assert isinstance(hole.what, Changing)
    return hole.what
