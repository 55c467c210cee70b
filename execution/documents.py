"""What is known of a query's text: that it parses, and to what, and that the schema's rules and limits accept it."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import DocumentNode
from strawberry.extensions import SchemaExtension

from execution.answers import Bounded

SIZE_MAX = 4_000_000  # of texts; documents are about twenty times as large


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
