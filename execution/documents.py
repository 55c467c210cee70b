"""What is known of a query's text: that it parses, and to what, and that the schema's rules and limits accept it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    validate,
)
from graphql.validation import ASTValidationRule, ValidationContext
from graphql.validation.validate import ValidationAbortedError
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from execution.answers import Bounded
from execution.limits import too_complex

SIZE_MAX = 1_000_000  # of texts; documents are about twenty times as large
PERSISTED_SIZE_MAX = 4_000_000
FAULTS_MAX = 5  # told of a document; each costs a look for what may have been meant
MERGING_MAX = 1_500  # steps, of some 2 us: they grow with the square of how often a field is asked for in one place
SHORT = 400  # characters of a document that is validated at once; a longer one by a few rules at a time
RULES_AT_ONCE = 6


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


@dataclass(eq=False, slots=True)
class Asked:
    """An operation as it is asked for. variables: as they came. admitted: for what it was found not to cost too much."""

    operation: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    admitted: Any = None


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

    async def on_parse(self) -> AsyncIterator[None]:
        document = self._known.get(self.execution_context.query or "")
        if document is not None:
            self._is_known = True
            self.execution_context.graphql_document = document
        yield
        if not self._is_known:
            await asyncio.sleep(0)

    async def on_validate(self) -> AsyncIterator[None]:
        context = self.execution_context
        if self._is_known:
            context.pre_execution_errors = []
            yield
            return
        assert context.graphql_document is not None
        text, document = context.query or "", context.graphql_document
        faults = await _faults(context.schema._schema, text, document, context.validation_rules)
        context.pre_execution_errors = faults
        yield
        if not faults:
            self._known.put(text, document, len(text) + 100)


class Merging(OverlappingFieldsCanBeMergedRule):
    """graphql-core's, with less to spend: its own half a million steps take half a second."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = MERGING_MAX


async def _faults(
    schema: GraphQLSchema, text: str, document: DocumentNode, rules: Sequence[type[ASTValidationRule]]
) -> list[GraphQLError]:
    """What the rules, and Strawberry's own, find wrong with a document. Others get their turn in between."""
    merging = [Merging] if OverlappingFieldsCanBeMergedRule in rules else []
    others = [rule for rule in rules if rule is not OverlappingFieldsCanBeMergedRule]
    others += [MaybeNullValidationRule, OneOfInputValidationRule]
    at_once = len(others) if len(text) <= SHORT else RULES_AT_ONCE
    found: list[GraphQLError] = []
    for first in range(0, len(others), at_once):
        found += validate(schema, document, others[first : first + at_once], max_errors=FAULTS_MAX)
        await asyncio.sleep(0)
    for fault in validate(schema, document, merging, max_errors=FAULTS_MAX) if merging else ():
        is_spent = isinstance(fault, ValidationAbortedError) and fault.message == "Validation aborted."
        found.append(_too_much_merging() if is_spent else fault)
    return found


def _too_much_merging() -> GraphQLError:
    what = "or more steps to see whether fields asked for twice in one place are the same"
    return too_complex("merging", MERGING_MAX + 1, MERGING_MAX, what)
