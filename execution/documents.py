"""What is known of a query's text: that it parses, and to what, and that the schema's rules and limits accept it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from graphql import DocumentNode
from strawberry.extensions import SchemaExtension

from execution.answers import Bounded

SIZE_MAX = 4_000_000  # of texts; documents are about twenty times as large
PERSISTED_SIZE_MAX = 16_000_000


class Refused(Exception):
    """A request whose text cannot be had, or is not wanted. status: of HTTP, by Apollo's protocol 200 for a hash not known."""

    def __init__(self, message: str, code: str, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status


class Persisted:
    """Query texts by their SHA-256: what clients have sent with it (Apollo's automatic persisted queries), or, where only
    trusted documents are answered, those and no others.
    """

    def __init__(self, trusted: Mapping[str, str] | None = None) -> None:
        """trusted: texts by their hash."""
        self._trusted = trusted
        self._texts = frozenset(trusted.values()) if trusted is not None else None
        self._sent: Bounded[str, str] = Bounded(PERSISTED_SIZE_MAX)

    def text(self, query: str | None, extensions: Any) -> str | None:
        """A request's text, by itself or by its hash; None where it has neither. Raises Refused."""
        digest = _digest(extensions)
        if query is not None:
            if self._texts is not None and query not in self._texts:
                raise Refused("this server answers only the documents that it was given", "FORBIDDEN", 403)
            if digest is not None and self._texts is None:
                if digest != digest_of(query):
                    raise Refused("extensions.persistedQuery: sha256Hash is not the query's", "BAD_INPUT", 400)
                self._sent.put(digest, query, len(query) + 100)
            return query
        if digest is None:
            return None
        known = self._sent.get(digest) if self._trusted is None else self._trusted.get(digest)
        if known is None:
            raise Refused("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND", 200)
        return known


def digest_of(query: str) -> str:
    """As clients name a query by."""
    return hashlib.sha256(query.encode()).hexdigest()


def _digest(extensions: Any) -> str | None:
    """The hash that a request's extensions name, in Apollo's protocol. Raises Refused for another protocol."""
    found = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
    if found is None:
        return None
    digest = found.get("sha256Hash") if isinstance(found, dict) else None
    if not isinstance(digest, str) or found.get("version") != 1:
        raise Refused("extensions.persistedQuery: write {version: 1, sha256Hash: ...}", "BAD_INPUT", 400)
    return digest.lower()


class DocumentCache:
    """Makes extensions of one schema that parse and validate each text once, for as long as it is remembered.

    By the text itself: Strawberry's own ValidationCache hashes the whole document each time. Only what is valid is kept; what is
    refused is worded anew.
    """

    def __init__(self) -> None:
        self._known: Bounded[str, DocumentNode] = Bounded(SIZE_MAX)

    def __call__(self) -> SchemaExtension:
        return _Known(self._known)


class _Known(SchemaExtension):
    def __init__(self, known: Bounded[str, DocumentNode]) -> None:
        super().__init__()
        self._known = known
        self._is_known = False

    def on_parse(self) -> Iterator[None]:
        document = self._known.get(self.execution_context.query or "")
        if document is not None:
            self._is_known = True
            self.execution_context.graphql_document = document
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if self._is_known:
            context.pre_execution_errors = []
            yield
            return
        yield
        if context.query and context.graphql_document is not None and not context.pre_execution_errors:
            self._known.put(context.query, context.graphql_document, len(context.query) + 100)
