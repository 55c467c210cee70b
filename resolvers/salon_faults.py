"""What is wrong with a salon file, in words for whoever wrote it: the path of a value, what stands there, what should."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, TypeAlias, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

SHOWN_MAX = 60
CLOSE_ENOUGH = 0.75
KEY_SHAPE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# By pydantic's type of error. All other errors are the value functions' own.
MESSAGES = {
    "missing": "is missing",
    "model_type": "{} is not an object",
    "list_type": "{} is not a list",
    "tuple_type": '{} is not a list of a start and an end, such as ["09:00", "17:00"]',
    "too_long": 'has more than a start and an end; write them as ["09:00", "17:00"]',
    "bool_type": "{} is neither true nor false",
}

Path: TypeAlias = tuple[str | int, ...]
Shape: TypeAlias = type[BaseModel]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. path: of the value, `stylists[0].hours[1].from`, or the place in the text."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class BadFile(Exception):
    """The file cannot be imported; faults are all that is wrong with it, in its order as far as that is known."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def of(error: ValidationError, shape: Shape, *, whole: str = "the file") -> list[Fault]:
    """A fault for each of pydantic's, in its order. shape: what the whole was held against; whole: what that is called."""
    return [Fault(path_text(one["loc"], whole), _message(one, shape)) for one in error.errors(include_url=False)]


def _message(error: ErrorDetails, shape: Shape) -> str:
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    if error["type"] == "too_long" and error["ctx"]["field_type"] == "List":
        return f"has {error['ctx']['actual_length']} entries; write at most {error['ctx']['max_length']}"
    if error["type"] == "extra_forbidden":
        return _unknown(error["loc"], shape)
    return MESSAGES[error["type"]].format(shown(error["input"]))


def _unknown(path: Path, shape: Shape) -> str:
    for part in path[:-1]:
        if isinstance(part, str):
            shape = _shape_at(shape, part)
    known = [str(field.alias) for field in shape.model_fields.values()]
    hint = closest(str(path[-1]), known)
    return f"is not known here; did you mean {hint}?" if hint else f"is not known here; known: {', '.join(known)}"


def _shape_at(shape: Shape, key: str) -> Shape:
    """The shape of the object, or of a list's objects, under a key."""
    field = next(field for field in shape.model_fields.values() if field.alias == key)
    return next(_shapes_in(field.annotation))


def _shapes_in(annotation: Any) -> Iterator[Shape]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _shapes_in(part)


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, if any is close."""
    return next(iter(get_close_matches(word, known, 1, CLOSE_ENOUGH)), None)


def path_text(path: Path, whole: str = "the file") -> str:
    """`stylists[0].hours[1].from`; a key that is no plain word in brackets and quotes."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif KEY_SHAPE.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=not part.isprintable())}]"
    return text or whole


def shown(value: object) -> str:
    """A value as a message may show it: JSON, short, printable."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    text = str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
    if not text.isprintable():
        text = json.dumps(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
