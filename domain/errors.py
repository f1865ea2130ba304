"""Errors of the domain: a stable code and details that never hold personal data. The domain knows no HTTP."""

from typing import ClassVar

from pydantic import JsonValue


class DomainError(Exception):
    """A refusal with a stable, kebab-case code.

    Args:
        details: What the caller may know: codes, references, instants. Never names, never what somebody typed.
    """

    code: ClassVar[str] = "refused"

    def __init__(self, **details: JsonValue) -> None:
        super().__init__(self.code)
        self.details = details


class NotFound(DomainError):
    """There is no such thing, or the caller may not know that there is: answered alike."""

    code = "not-found"


class NotPermitted(DomainError):
    """The caller may see the thing but not do this with it; `rule` says what would be needed."""

    code = "not-permitted"


class VersionStale(DomainError):
    """Somebody changed the thing since the caller read it."""

    code = "version-stale"


class StateConflict(DomainError):
    """The thing is not in a state that allows this; `current` says which state it is in."""

    code = "state-conflict"


class InvalidInput(DomainError):
    """A value is well-formed but means nothing here; `field` and `reason` say which, never the value."""

    code = "invalid-input"
