"""What a document and its variables may be, measured before anything is done with them.

A document is measured by its tokens, in one pass and without parsing: what is refused here has cost a few milliseconds at most,
whatever it is. Fragments are counted wherever they are spread, each measured once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from graphql import GraphQLError

from execution.answers import Bounded

# As the lexer's, but that nothing is wrong: what is not closed ends with the line or the text. Commas are no tokens.
TOKEN = re.compile(
    r'[ \t\n\r,\ufeff]*+("""(?:[^"\\]++|\\.|"(?!""))*+(?:""")?|"(?:[^"\\\n\r]++|\\.)*+"?|\#[^\n\r]*+'
    r"|[A-Za-z_][A-Za-z_0-9]*+|-?[0-9][A-Za-z_0-9.+-]*+|\.\.\.|.|\Z)",
    re.DOTALL,
)
COUNTED_MAX = 3_000  # tokens; of more it is not known how many
MEASURES_SIZE_MAX = 1_000_000  # of the texts whose measures are kept
WORDS = {
    "tokens": "tokens of the document, comments included",
    "characters": "characters of the document, white space aside",
    "depth": "levels of fields or of values",
    "aliases": "aliases",
    "directives": "directives",
    "root_fields": "fields at the root",
    "fields": "fields, those of fragments wherever they are spread",
    "variables_depth": "levels of the variables",
    "variables_values": "values in the variables",
    "list_length": "values in one list of the variables",
}


class Bounds(Protocol):
    """The most there may be of each; see WORDS."""

    @property
    def tokens(self) -> int: ...

    @property
    def characters(self) -> int: ...

    @property
    def depth(self) -> int: ...

    @property
    def aliases(self) -> int: ...

    @property
    def directives(self) -> int: ...

    @property
    def root_fields(self) -> int: ...

    @property
    def fields(self) -> int: ...

    @property
    def variables_depth(self) -> int: ...

    @property
    def variables_values(self) -> int: ...

    @property
    def list_length(self) -> int: ...


def too_complex(limit: str, figure: int, maximum: int, what: str, *, more: str = "") -> GraphQLError:
    """The error of a request that is past a limit: which, by how much, and what would be right. more: behind the figure."""
    message = f"{limit}: {figure:,}{more} {what}; at most {maximum:,}"
    return GraphQLError(
        message, extensions={"code": "TOO_COMPLEX", "limit": limit, "figure": figure, "maximum": maximum}
    )


class Limiter:
    """Refuses what is past bounds. Measures of texts are kept."""

    def __init__(self) -> None:
        self._measures: Bounded[str, Mapping[str, int]] = Bounded(MEASURES_SIZE_MAX)

    def refusal(self, text: str | None, variables: Any, bounds: Bounds) -> GraphQLError | None:
        """What is too much of a request, if anything is."""
        measures = self._measures.get(text) if text else {}
        if measures is None:
            assert text
            measures = of_document(text, bounds.tokens)
            if measures["tokens"] <= bounds.tokens:
                self._measures.put(text, measures, len(text) + 200)
        return _first(measures, bounds) or (_first(of_variables(variables), bounds) if variables else None)


def are_bounded(variables: Any, bounds: Bounds) -> bool:
    """Whether variables are within their bounds."""
    return not variables or _first(of_variables(variables), bounds) is None


def _first(measures: Mapping[str, int], bounds: Bounds) -> GraphQLError | None:
    for limit, figure in measures.items():
        maximum = getattr(bounds, limit)
        if figure > maximum:
            more = " or more" if limit == "tokens" and figure >= COUNTED_MAX else ""
            return too_complex(limit, figure, maximum, WORDS[limit], more=more)
    return None


@dataclass(slots=True)
class Part:
    """An operation or a fragment, of itself. spreads: of fragments, by name and depth."""

    depth: int = 0
    fields: int = 0
    roots: int = 0
    spreads: list[tuple[str, int]] = field(default_factory=list)


def of_document(text: str, tokens_max: int) -> dict[str, int]:
    """A document's measures; only how many tokens there are, if they are more than that."""
    found = (match[1] for match in TOKEN.finditer(text) if match[1])
    tokens = list(islice(found, tokens_max + 1))
    if len(tokens) > tokens_max:
        return {"tokens": len(tokens) + sum(1 for _ in islice(found, max(0, COUNTED_MAX - len(tokens))))}
    reader = _Reader()
    for token in tokens:
        if token[0] != "#":
            reader.read(token)
    whole = [_whole(part, reader.fragments, {}) for part in reader.operations]
    return {
        "tokens": len(tokens),
        "characters": sum(map(len, tokens)),
        "depth": max([reader.values_depth, *(part.depth for part in whole)]),
        "aliases": reader.aliases,
        "directives": reader.directives,
        "root_fields": max((part.roots for part in whole), default=0),
        "fields": max((part.fields for part in whole), default=0),
    }


class _Reader:
    """Takes a document's tokens one by one. It is for whoever parses later to say that they are in a wrong order."""

    def __init__(self) -> None:
        self.operations: list[Part] = []
        self.fragments: dict[str, Part] = {}
        self.aliases = self.directives = self.values_depth = 0
        self._part = Part()
        self._head: list[str] = []
        self._levels: list[int] = []  # of each brace that is open: 1, or 0 of an inline fragment
        self._depth = self._parens = self._values = 0
        self._before = ""
        self._in_line = False

    def read(self, word: str) -> None:
        """Takes the next one."""
        if word == "@":
            self.directives += 1
            self._in_line = self._in_line or self._before == "..."
        elif word == "(":
            self._parens += 1
        elif self._parens:
            self._read_value(word)
        elif word == "{":
            self._open()
        elif word == "}":
            if self._levels:
                self._depth -= self._levels.pop()
        elif word == ":":
            self.aliases += 1
            self._count(-1)
        elif word[0].isalpha() or word[0] == "_":
            self._read_name(word)
        self._before = word

    def _read_value(self, word: str) -> None:
        """Of an argument or of variables."""
        if word == ")":
            self._parens -= 1
            self._values = 0
        elif word in "[{":
            self._values += 1
            self.values_depth = max(self.values_depth, self._values)
        elif word in "]}":
            self._values -= 1

    def _open(self) -> None:
        if not self._levels:
            self._part = Part()
            if self._head[:1] == ["fragment"] and len(self._head) > 1:
                self.fragments[self._head[1]] = self._part
            else:
                self.operations.append(self._part)
            self._head = []
        self._levels.append(0 if self._in_line or (self._levels and self._before == "...") else 1)
        self._in_line = False
        self._depth += self._levels[-1]

    def _read_name(self, word: str) -> None:
        if self._before == "@":
            return
        if not self._levels:
            self._head.append(word)
        elif self._before == "..." and word == "on":
            self._in_line = True
        elif self._before == "...":
            self._part.spreads.append((word, self._depth))
        elif not (self._in_line and self._before == "on"):
            self._count(1)

    def _count(self, fields: int) -> None:
        self._part.depth = max(self._part.depth, self._depth)
        self._part.fields += fields
        if self._depth == 1:
            self._part.roots += fields


def _whole(part: Part, fragments: Mapping[str, Part], known: dict[str, Part]) -> Part:
    """A part with all that it spreads. known: of fragments that have been seen; one that spreads itself adds nothing."""
    whole = Part(part.depth, part.fields, part.roots)
    for name, depth in part.spreads:
        if name not in known and name in fragments:
            known[name] = Part()
            known[name] = _whole(fragments[name], fragments, known)
        found = known.get(name)
        if found is not None:
            whole.depth = max(whole.depth, depth - 1 + found.depth)
            whole.fields += found.fields
            whole.roots += found.roots if depth == 1 else 0
    return whole


def of_variables(variables: Any) -> dict[str, int]:
    """The variables' measures."""
    depth = values = longest = 0
    level = [variables]
    while level:
        depth += 1
        values += sum(map(len, level))
        longest = max([longest, *(len(one) for one in level if isinstance(one, list))])
        level = [one for outer in level for one in _inner(outer) if isinstance(one, dict | list)]
    return {"variables_depth": depth, "variables_values": values, "list_length": longest}


def _inner(value: Any) -> Iterator[Any]:
    return iter(value.values() if isinstance(value, dict) else value)
