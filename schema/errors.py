"""What goes wrong, as GraphQL errors with a code. What is our fault is logged under an id and says nothing else."""

from __future__ import annotations

import uuid
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.extensions import MaskErrors
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError

from domain.errors import BadRequest, IssuerUnavailable, RateLimited, Unavailable

HIDDEN = "the document or its variables do not fit the schema; staff are told where, and servers in the profile `open` tell all"

# Strawberry's, of a document that has no operation of the name that is asked for, or of the wrong kind.
NO_SUCH_OPERATION = (CannotGetOperationTypeError, InvalidOperationTypeError)

log = structlog.get_logger("errors")


class CodedErrors(MaskErrors):
    """Gives every error its extensions.code, on HTTP, WebSocket and each event of a subscription."""

    def __init__(self) -> None:
        super().__init__()

    def _process_errors(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        """A stranger is not told which part of a document is wrong, nor how many are."""
        found = super()._process_errors(errors)
        hidden = [one for one in found if one.message == HIDDEN]
        return [one for one in found if one.message != HIDDEN] + hidden[:1]

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """The same error as the client may see it."""
        if error.extensions and "code" in error.extensions:
            return error
        message, extensions = describe(error)
        if getattr(self.execution_context.context, "is_stranger", False) and _tells_of_schema(error, extensions):
            return GraphQLError(HIDDEN, extensions=extensions)
        return GraphQLError(
            message,
            nodes=error.nodes,
            source=error.source,
            positions=error.positions,
            path=error.path,
            extensions=extensions,
        )


def _tells_of_schema(error: GraphQLError, extensions: dict[str, Any]) -> bool:
    """Whether graphql-core found something wrong with a document or its variables, and says what would be right."""
    is_ours = isinstance(error.original_error, BadRequest)
    return extensions["code"] == "BAD_INPUT" and not is_ours and not isinstance(error, GraphQLSyntaxError)


def describe(error: GraphQLError) -> tuple[str, dict[str, Any]]:
    """The message and extensions of an error: a wrong request says what is wrong, our fault only an id."""
    cause = error.original_error
    if isinstance(cause, RateLimited):
        return cause.message, {"code": cause.code, "retryAfterSeconds": cause.retry_after_s}
    if isinstance(cause, BadRequest):
        return cause.message, {"code": cause.code}
    if isinstance(cause, IssuerUnavailable):
        extensions = {"code": "UNAVAILABLE", "retryAfterSeconds": 10}
        return "The keys that bearer tokens are checked with cannot be fetched; try again in a moment.", extensions
    if isinstance(cause, Unavailable):
        return "The database is away; try again in a moment.", {"code": "UNAVAILABLE", "retryAfterSeconds": 1}
    if cause is None or isinstance(cause, NO_SUCH_OPERATION) or _is_about_input(error, cause):
        return error.message, {"code": "BAD_INPUT"}
    error_id = uuid.uuid4().hex
    log.error("internal error", error_id=error_id, path=error.path, exc_info=cause)
    return "Internal error", {"code": "INTERNAL", "errorId": error_id}


def _is_about_input(error: GraphQLError, cause: Exception) -> bool:
    """Whether graphql-core found a fault in the document or its values: then it names the place, and has no field's path,
    or wraps an error that names the place by itself, as of an argument. What a result cannot be turned into names none.
    """
    if isinstance(cause, GraphQLError):
        return error.path is None or bool(cause.nodes)
    return error.path is None and bool(error.nodes) and isinstance(cause, ValueError)
