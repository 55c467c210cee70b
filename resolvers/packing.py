"""What is cached, as bytes and back, equal. How follows from the types of its fields, so a new field costs no line here.

Values are JSON lists in the order of the fields. Whatever is not exactly of its type is refused when it is read back.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from types import UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import orjson

from cache.shared import Codec
from domain import hours

V = TypeVar("V")

MICROSECOND = timedelta(microseconds=1)
PLAIN = (str, int, bool)


class Way(NamedTuple):
    """To what JSON knows, and back. unpack raises TypeError or ValueError for what pack does not make."""

    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]


def codec(shape: type[V], *, common: tuple[str, ...] = ()) -> Codec[V]:
    """Of one dataclass. common: fields that many values have alike; they are one object again in all that are read back."""
    ways = _fields(shape)
    own = [name for name in ways if name not in common]

    def packed(value: V, names: tuple[str, ...] | list[str]) -> bytes:
        return orjson.dumps([ways[name].pack(getattr(value, name)) for name in names])

    def unpacked(text: bytes, names: tuple[str, ...] | list[str]) -> dict[str, Any]:
        row = _row(orjson.loads(text), len(names))
        return {name: ways[name].unpack(one) for name, one in zip(names, row, strict=True)}

    @lru_cache(maxsize=1024)
    def in_common(text: bytes) -> dict[str, Any]:
        return unpacked(text, common)

    def encode(value: V) -> bytes:
        return packed(value, common) + b"\n" + packed(value, own)

    def decode(text: bytes) -> V:
        first, second = text.split(b"\n")
        return shape(**in_common(first), **unpacked(second, own))

    return Codec(encode, decode)


@cache
def _way(shape: Any) -> Way:
    """Of one type. Raises TypeError for one that is not known here, when the program starts."""
    origin, inner = get_origin(shape), get_args(shape)
    if shape in PLAIN:
        return Way(_same, _exactly(shape))
    if shape in LEAVES:
        return LEAVES[shape]
    if origin in (Union, UnionType) and len(inner) == 2 and inner[1] is type(None):
        return _optional(_way(inner[0]))
    if origin is tuple:
        return _sequence(_way(inner[0])) if inner[1:] == (Ellipsis,) else _record(tuple, [_way(one) for one in inner])
    if origin is frozenset:
        return _set(_way(inner[0]))
    if origin is Mapping:
        return _mapping(_way(inner[0]), _way(inner[1]))
    if isinstance(shape, type) and issubclass(shape, StrEnum):
        return Way(_same, shape)
    if dataclasses.is_dataclass(shape) or hasattr(shape, "_fields"):
        return _record(shape, list(_fields(shape).values()))
    raise TypeError(f"{shape} cannot be packed")


def _fields(shape: Any) -> dict[str, Way]:
    """Of a dataclass or NamedTuple, in their order."""
    return {name: _way(hint) for name, hint in get_type_hints(shape).items()}


def _optional(way: Way) -> Way:
    pack, unpack = way
    return Way(
        _same if pack is _same else lambda value: None if value is None else pack(value),
        lambda value: None if value is None else unpack(value),
    )


def _sequence(way: Way) -> Way:
    return Way(lambda value: [*map(way.pack, value)], lambda value: tuple(map(way.unpack, _list(value))))


def _set(way: Way) -> Way:
    return Way(lambda value: sorted(map(way.pack, value)), lambda value: frozenset(map(way.unpack, _list(value))))


def _mapping(keys: Way, values: Way) -> Way:
    """As pairs, since a key may be a tuple."""
    return Way(
        lambda value: [[keys.pack(key), values.pack(one)] for key, one in value.items()],
        lambda value: {keys.unpack(key): values.unpack(one) for key, one in map(_pair, _list(value))},
    )


def _record(shape: Any, ways: list[Way]) -> Way:
    """A tuple, NamedTuple or dataclass."""
    names = [one.name for one in dataclasses.fields(shape)] if dataclasses.is_dataclass(shape) else []
    packs, unpacks = [way.pack for way in ways], [way.unpack for way in ways]
    make = tuple if shape is tuple else lambda row: shape(*row)

    def fields(value: Any) -> Any:
        return [getattr(value, name) for name in names] if names else value

    def pack(value: Any) -> list[Any]:
        return [pack(one) for pack, one in zip(packs, fields(value), strict=True)]

    def unpack(value: Any) -> Any:
        return make([unpack(one) for unpack, one in zip(unpacks, _list(value), strict=True)])

    return Way((lambda value: [*fields(value)]) if all(one is _same for one in packs) else pack, unpack)


def _exactly(shape: type) -> Callable[[Any], Any]:
    def unpack(value: Any) -> Any:
        if type(value) is not shape:
            raise TypeError(f"{value!r:.50} is not {shape.__name__}")
        return value

    return unpack


_list, _text, _number = _exactly(list), _exactly(str), _exactly(int)


def _row(value: Any, length: int) -> list[Any]:
    if len(_list(value)) != length:
        raise ValueError(f"{len(value)} values where {length} belong")
    return list(value)


def _pair(value: Any) -> list[Any]:
    return _row(value, 2)


def _same(value: Any) -> Any:
    """What orjson writes by itself: texts, numbers, dates and instants (as isoformat does), and enums by their value."""
    return value


def _zone(name: Any) -> ZoneInfo:
    zone = hours.zone_named(_text(name))
    if zone is None:
        raise ValueError(f"unknown time zone {name!r:.50}")
    return zone


def _instant(text: Any) -> datetime:
    found = datetime.fromisoformat(_text(text))
    if found.tzinfo is None:
        raise ValueError(f"{text!r:.50} has no zone")
    return found


@lru_cache(maxsize=1024)
def _length(microseconds: int) -> timedelta:
    """Shared: facts repeat the same few lengths."""
    return timedelta(microseconds=microseconds)


LEAVES: dict[Any, Way] = {
    date: Way(_same, lambda value: date.fromisoformat(_text(value))),
    datetime: Way(_same, _instant),
    timedelta: Way(lambda value: value // MICROSECOND, lambda value: _length(_number(value))),
    ZoneInfo: Way(lambda value: value.key, _zone),
}
