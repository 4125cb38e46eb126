"""The pipeline: body → pieces → parts → findings → Inspection; the core's only catch-all, and it yields an unread part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType

from gateway.content.types import MediaTypes
from gateway.content.unpack import Budget, unpack
from gateway.content.volumes import joined
from gateway.content.windows import forget, old_digests
from gateway.detect.engine import Engine
from gateway.detect.tally import Tally
from gateway.errors import ContentError, DetectorError, EncryptedError, MalformedError
from gateway.findings import Finding, Inspection, PartReport
from gateway.known import Known
from gateway.limits import MIB, Limits
from gateway.parts import Coverage, Part, Piece, opaque_coverage
from gateway.transfer import Buffer, Channel, Request, Transfer
from gateway.uploads.assemble import assemble
from gateway.uploads.model import NO_ASK, Ask
from gateway.wire.body import read_request
from gateway.wire.frames.messages import MESSAGE, read_message
from gateway.wire.parameters import media_type
from gateway.wire.values import read_values

type Clock = Callable[[], float]
"""Monotonic seconds; given from outside, because the core knows no time."""
type Watch = Callable[[Part], None]
"""Called with each part after it was looked at; for `sluice inspect --text`."""
LARGE_BYTES = 4 * MIB
"""Parts over it leave enough free memory behind that the next one should not come on top of it."""


@dataclass(frozen=True, slots=True)
class Inspector:
    """Everything an inspection needs that lasts longer than one."""

    types: MediaTypes
    engine: Engine
    limits: Limits
    today: Callable[[], date]
    clock: Clock
    new_key: Callable[[], bytes]
    """Makes the key under which one transfer's values are counted; thrown away with the transfer."""
    give_back: Callable[[], None] = lambda: None
    """Gives free memory back to the system, for which the core has no call; called after every large part."""
    known: Known = field(default_factory=Known)
    """Short pieces and names in which nothing was found."""

    def inspect(self, transfer: Transfer, body: Buffer, ask: Ask = NO_ASK) -> Inspection:
        """What the body of a request holds; raises MemoryError only, which the process cannot mend.

        When `ask` has a recipe of a whole, `body` is its stored file, and the whole is all that is inspected.
        """
        run = self.begin(digests=ask.digests)
        with run.stage("wire"):
            try:
                pieces = run.read(transfer, body, ask)
            except ContentError as error:
                return run.result(transfer.request, failure=f"{error.reason}: {error}")
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - the fault becomes an unread body, which policy refuses
                return run.result(
                    transfer.request, failure=f"malformed: {type(error).__name__} in the reader of bodies"
                )
        forget(body)
        for piece in pieces:
            run.add(piece)
        return run.result(transfer.request)

    def inspect_file(self, name: str, data: Buffer, *, reveal: bool = False, watch: Watch | None = None) -> Inspection:
        """What a file holds, as if it were the one part of an upload; raises MemoryError only."""
        run = self.begin(reveal=reveal, watch=watch)
        run.add(Piece(data=data, name=name, field="body", is_file=True))
        return run.result(Request(path=""))

    def begin(self, *, reveal: bool = False, watch: Watch | None = None, digests: bool = False) -> _Run:
        """An inspection that has seen nothing yet."""
        day = self.today()
        return _Run(self, Budget(), Tally(self.new_key()), day, reveal=reveal, watch=watch, digests=digests)


def named(pieces: tuple[Piece, ...], name: str) -> tuple[Piece, ...]:
    """The pieces, with the announced name at the file when there is one file only."""
    if sum(piece.is_file for piece in pieces) != 1:
        return pieces
    return tuple(replace(piece, name=name) if piece.is_file else piece for piece in pieces)


@dataclass(slots=True)
class _Run:
    """One inspection in progress."""

    own: Inspector
    budget: Budget
    tally: Tally
    day: date
    reveal: bool
    watch: Watch | None
    digests: bool = False
    content_bytes: int = -1
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parts: list[PartReport] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)
    overtime: list[str] = field(default_factory=list)

    def stage(self, name: str) -> _Stage:
        return _Stage(self, name)

    def read(self, transfer: Transfer, body: Buffer, ask: Ask) -> tuple[Piece, ...]:
        """The pieces to judge; raises ContentError. Keeps what was asked for beside."""
        limits, request = self.own.limits, transfer.request
        if transfer.channel is Channel.WEBSOCKET and request.method == MESSAGE:
            return read_message(request, body, limits=limits)
        if ask.assembly != NO_ASK.assembly:
            whole = assemble(ask.assembly, body, limits=limits)
            self.content_bytes = len(whole)
            declared = media_type(ask.assembly.declared_type)
            return (Piece(whole, ask.assembly.name, "upload", declared, is_file=True),)
        self.values = read_values(request, body, ask.places, limits=limits)
        pieces = read_request(request, body, limits=limits, content=ask.content)
        if ask.name:
            pieces = named(pieces, ask.name)
        if ask.content:
            self.content_bytes = sum(len(piece.data) for piece in pieces if piece.is_fragment)
        return joined(pieces, limits)

    def add(self, piece: Piece) -> None:
        """Unpack the piece and judge every part of it; a fault of a reader becomes an unread part."""
        known = None if self.reveal or self.watch or self.digests else self.own.known.clean(piece, self.day)
        if known is not None:
            self.parts.append(known)
            return
        before = len(self.parts)
        self._add(piece)
        if not self.reveal and len(self.parts) == before + 1:
            self.own.known.keep(piece, self.day, self.parts[before])

    def _add(self, piece: Piece) -> None:
        members: Iterator[Part] = unpack(piece, types=self.own.types, limits=self.own.limits, budget=self.budget)
        while True:
            try:
                with self.stage("content"):
                    part = next(members, None)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - the fault becomes an unread part, which policy refuses
                why = MalformedError(piece.declared_type or "content", f"{type(error).__name__} in its reader")
                part = _unread(piece, why)
                self.parts.append(self.report(part, (), [why]))
                return
            if part is None:
                return
            with self.stage("detect"):
                self.parts.append(self.judge(part))
            forget(part.data)
            if self.watch is not None:
                self.watch(part)
            # Its text must not stay in memory while the next part is read.
            size_bytes = part.size_bytes
            del part
            if size_bytes > LARGE_BYTES:
                self.own.give_back()

    def judge(self, part: Part) -> PartReport:
        """The part with its findings; a detector that fails leaves it partly read."""
        try:
            detection = self.own.engine.detect(part, self.tally, today=self.day, reveal=self.reveal)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - the fault becomes a partly read part, which policy refuses
            return self.report(part, (), [DetectorError("engine", type(error).__name__)])
        self.overtime += [error.detector for error in detection.errors if error.kind == "timeout"]
        return self.report(part, detection.findings, list(detection.errors))

    def report(self, part: Part, findings: tuple[Finding, ...], errors: list[ContentError]) -> PartReport:
        """The part without its bytes and text; the first reason why something was not read stands for all."""
        if part.opaque is not None:
            # Encryption comes last: a fault behind it would else pass for a well-locked part.
            errors = [*errors, part.opaque] if isinstance(part.opaque, EncryptedError) else [part.opaque, *errors]
        first = errors[0] if errors else None
        md5, sha1 = old_digests(part.data) if self.digests and part.is_file else ("", "")
        return PartReport(
            path=self.masked(part.path),
            name=self.masked(part.name),
            size_bytes=part.size_bytes,
            sha256=part.sha256,
            declared_type=part.declared_type,
            media_type=part.media_type,
            encryption=part.encryption,
            findings=findings,
            coverage=opaque_coverage(first) if first else Coverage.INSPECTED,
            reason=first.reason if first else "",
            detail=self.masked(str(first)) if first else "",
            depth=part.depth,
            is_file=part.is_file,
            md5=md5,
            sha1=sha1,
        )

    def masked(self, text: str) -> str:
        """The text with every match in it masked, unless the person asked to see; nothing of it when that fails."""
        if self.reveal or not text or self.own.known.is_plain(text, self.day):
            return text
        try:
            masked = self.own.engine.mask(text, today=self.day)
        except Exception:  # noqa: BLE001 - a name that cannot be masked is not shown
            return "(name withheld)"
        if masked == text:
            self.own.known.keep_plain(text, self.day)
        return masked

    def result(self, request: Request, *, failure: str = "") -> Inspection:
        """What was learned."""
        return Inspection(
            parts=tuple(self.parts),
            distinct=MappingProxyType(dict(self.tally.distinct)),
            persons=self.tally.persons,
            failure=self.masked(failure),
            stages=MappingProxyType(dict(self.stages)),
            path=self.masked(request.path),
            rules_overtime=tuple(dict.fromkeys(self.overtime)),
            values=MappingProxyType(dict(self.values)),
            content_bytes=self.content_bytes,
        )


@dataclass(slots=True)
class _Stage:
    """Adds the time of a `with` block to a stage."""

    run: _Run
    name: str
    began: float = 0.0

    def __enter__(self) -> None:
        self.began = self.run.own.clock()

    def __exit__(self, *_: object) -> None:
        spent = self.run.own.clock() - self.began
        self.run.stages[self.name] = self.run.stages.get(self.name, 0.0) + spent


def _unread(piece: Piece, why: ContentError) -> Part:
    return Part(
        path=piece.name or piece.field,
        name=piece.name,
        size_bytes=len(piece.data),
        sha256="",
        declared_type=piece.declared_type,
        media_type="application/octet-stream",
        data=b"",
        opaque=why,
        is_file=piece.is_file,
    )
