"""Every error class of the product, one per decision a caller can take.

Errors carry their facts as attributes and never bytes of a payload, so that any of them may be logged.
"""

from __future__ import annotations

from dataclasses import dataclass


class SluiceError(Exception):
    """Root of the errors that Sluice raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake in a file that a person wrote."""

    file: str
    """Path as the person gave it; `<environment>` or `<embedded default>` when there is no file."""
    line: int
    """1-based; 0 when the mistake has no line (a missing file)."""
    message: str
    """What is wrong and what is allowed, one sentence, no trailing newline."""

    def __str__(self) -> str:
        """`file:line: message`, the form compilers use."""
        return f"{self.file}:{self.line}: {self.message}"


class ConfigError(SluiceError):
    """Settings, policy, signatures or catalogue are wrong; carries every problem at once."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ContentError(SluiceError):
    """A content that could not be read in full; the base of the reasons an `Opaque` carries."""

    reason = "unreadable"
    """Closed set, used as a metric label and in policy: see the subclasses."""


class LimitError(ContentError):
    """A bound of `gateway.limits` was passed."""

    reason = "too-large"

    def __init__(self, limit: str, *, allowed: float, actual: float) -> None:
        self.limit, self.allowed, self.actual = limit, allowed, actual
        super().__init__(f"{limit}: {actual:g} is over the allowed {allowed:g}")


class MalformedError(ContentError):
    """The bytes break their own format, or two readers would read them differently."""

    reason = "malformed"

    def __init__(self, what: str, why: str) -> None:
        self.what, self.why = what, why
        super().__init__(f"{what}: {why}")


class EncryptedError(ContentError):
    """The content is encrypted and nobody here has the key."""

    reason = "encrypted"

    def __init__(self, scheme: str) -> None:
        self.scheme = scheme
        super().__init__(f"encrypted with {scheme}")


class UnsupportedError(ContentError):
    """A container or document type that no module here can open yet."""

    reason = "unsupported"

    def __init__(self, media_type: str) -> None:
        self.media_type = media_type
        super().__init__(f"no reader for {media_type}")


class DetectorError(ContentError):
    """A detector raised or ran over its time; what it should have judged counts as unread."""

    reason = "detector-failed"

    def __init__(self, detector: str, kind: str) -> None:
        self.detector, self.kind = detector, kind
        super().__init__(f"detector {detector} failed with {kind}")


class FrameError(SluiceError):
    """The bytes of a WebSocket break its protocol, or a bound of it; the connection is of no more use."""

    def __init__(self, code: int, why: str) -> None:
        self.code, self.why = code, why
        super().__init__(f"WebSocket closed with {code}: {why}")


class InspectorError(SluiceError):
    """The inspector process gave no answer; `reason` is crash, timeout, memory, busy or protocol."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"inspector: {reason}")


class StoreError(SluiceError):
    """What is kept of an upload cannot be written or read; `reason` is unknown, closed, changed, unusable or full."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"upload store: {reason}")


class StoreFull(StoreError):  # noqa: N818 - named for what it is
    """One more upload or piece would pass a bound of the store, or the disk is full."""

    def __init__(self, bound: str) -> None:
        self.bound = bound
        super().__init__("full")


class RecordError(SluiceError):
    """A record could not be made durable; the transfer it speaks of must be refused."""


class StartError(SluiceError):
    """The gateway cannot start; the message names the thing and what to do about it."""
