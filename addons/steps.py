"""One request of an upload that spans several, while it is judged: what is known of it and what it was decided to be."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from gateway.destinations.catalogue import head_of
from gateway.destinations.locate import for_records
from gateway.errors import MalformedError
from gateway.findings import Inspection, Verdict
from gateway.limits import MIB
from gateway.policy.builtin import builtin_verdict
from gateway.policy.decide import refuse_size
from gateway.transfer import Request, Transfer
from gateway.uploads.assemble import is_plain
from gateway.uploads.model import Ask, Assembly
from gateway.uploads.plan import Facts, Plan
from gateway.uploads.state import Facts as Declared
from gateway.uploads.state import Upload
from gateway.wire.places import parse_place

if TYPE_CHECKING:
    from datetime import date

    from addons.held import Held
    from gateway.destinations.facts import Facts as Places
    from gateway.destinations.split import Split
    from gateway.policy.model import Policy
    from gateway.policy.vocabulary import HoldMode
    from gateway.spool import Spool

type Decide = Callable[[Transfer, Inspection], tuple[Transfer, Verdict]]
"""The policy's word, and the transfer as it was judged."""
type Inspect = Callable[[Transfer, int, int, Ask], Awaitable[Inspection]]
"""Transfer, descriptor, length, ask → what the inspectors say; a failure is an inspection that says so."""

_NUMBER = re.compile(r"[0-9]{7,}")
"""Digits enough for a telephone or an identity."""
PIECE = "(piece)"
"""How inspection marks the part that is only a piece of a file."""


class Ruling(NamedTuple):
    """What came of a step."""

    transfer: Transfer
    inspection: Inspection
    verdict: Verdict


class Refused(Exception):  # noqa: N818 - not a fault of ours: a reason to refuse
    """The step is refused: by the verdict, or by the gateway itself for `reason`, a key of the built-in refusals."""

    def __init__(self, reason: str = "", because: str = "", verdict: Verdict | None = None) -> None:
        self.reason, self.because, self.verdict = reason, because, verdict
        super().__init__(reason)


@dataclass(slots=True)
class Step:
    """One request; `transfer` and `inspection` grow while the upload is looked at."""

    held: Held
    plan: Plan
    transfer: Transfer
    inspection: Inspection
    verdict: Verdict
    """On this request by itself."""
    owner: str
    mode: HoldMode
    policy: Policy
    today: date
    decide: Decide
    inspect: Inspect
    facts: Facts = field(default_factory=Facts)

    def ruling(self) -> Ruling:
        """The request is judged by itself."""
        return Ruling(self.transfer, self.inspection, self.verdict)

    def decided(self, inspection: Inspection) -> Ruling:
        """The policy's word on what is known now."""
        transfer, verdict = self.decide(self.transfer, inspection)
        return Ruling(transfer, inspection, verdict)

    def refused(self, reason: str, because: str) -> Ruling:
        """The gateway's own refusal."""
        return Ruling(self.transfer, self.inspection, builtin_verdict(reason, self.policy.digest, because=because))

    def check_size(self, size_bytes: int) -> None:
        """Raises Refused when a file of that many bytes, declared or counted, may not go there; -1 is no number."""
        verdict = refuse_whole(self.transfer, size_bytes, self.policy, today=self.today)
        if verdict is not None:
            raise Refused(verdict=verdict)

    def is_whole(self, total_bytes: int) -> bool:
        """Whether the piece is all of a file of that length; raises MalformedError for one that says less than it must."""
        facts, content_bytes = self.facts, self.inspection.content_bytes
        if facts.length >= 0 and facts.length != content_bytes:
            raise MalformedError("upload", "the piece has another length than its Content-Range")
        if facts.start <= 0 and facts.index <= 1 and content_bytes == total_bytes:
            return True
        if facts.start < 0 and facts.index < 0:
            raise MalformedError("upload", "the piece does not say where it belongs")
        return False

    def declared(self) -> Declared:
        """What this request says of its upload, for the store."""
        destination = self.transfer.destination
        return Declared(
            service=destination.service,
            endpoint=destination.endpoint,
            host=destination.host,
            name=self.facts.name,
            size_bytes=self.facts.total_bytes,
            declared_type="",
            conversation=destination.conversation,
            tenant=destination.tenant,
            hold=self.mode,
            transfer_id=self.transfer.id,
        )


def refuse_whole(transfer: Transfer, size_bytes: int, policy: Policy, *, today: date) -> Verdict | None:
    """The refusal of a file of that many bytes, however it is framed; None when it may go, and for -1."""
    if size_bytes <= 0:
        return None
    # The number is the file's, so nothing of a framing is to be taken off.
    destination = replace(transfer.destination, many_files=False)
    plain = replace(transfer, request=Request(method=transfer.request.method), destination=destination)
    return refuse_size(plain, size_bytes, policy, today=today, whole_body=True)


def announced_bytes(plan: Plan) -> int:
    """The size of the file that the request's head announces; -1 when it announces none, or nothing to be trusted."""
    try:
        return plan.facts({}).total_bytes
    except MalformedError:
        return -1


def plan_of(transfer: Transfer, split: Split) -> Plan:
    """The step of a request; ids are unique in its service, or at its host when only the protocol is known."""
    request, destination = transfer.request, transfer.destination
    head = head_of(destination.host, destination.port, request.method, request.path, request.query, request.headers)
    return Plan(split, head, destination.host if destination.service in {"", "generic"} else destination.service)


def with_values(transfer: Transfer, where: Places, values: Mapping[str, tuple[str, ...]]) -> Transfer:
    """The transfer, with the recipient and the tenant that its body names where its head names none."""
    if not values:
        return transfer
    destination = transfer.destination
    tenant = destination.tenant or _first(where.tenant, values)
    conversation = destination.conversation or _first(where.conversation, values)
    return replace(transfer, destination=replace(destination, tenant=tenant, conversation=conversation))


def _first(places: Sequence[str], values: Mapping[str, tuple[str, ...]]) -> str:
    """What the first place that has a value names, as records may show it."""
    found = next((text for text in places if values.get(text)), "")
    return shown(for_records(values[found][0], is_secret=parse_place(found).is_secret)) if found else ""


def shown(name: str) -> str:
    """A recipient's name without what is personal in it: of an address the domain stays, of a number its end.

    >>> shown("oc_84983ff"), shown("li.lei@example.com"), shown("+86 13800138000")
    ('oc_84983ff', 'l***@example.com', '+86 *******8000')
    """
    local, at, domain = name.rpartition("@")
    if at:
        return f"{local[:1]}***@{domain}"
    return _NUMBER.sub(lambda found: "*" * (len(found[0]) - 4) + found[0][-4:], name)


def with_facts(transfer: Transfer, upload: Upload) -> Transfer:
    """The transfer, with the recipient and the tenant that the announcement of its upload named."""
    destination = transfer.destination
    return replace(
        transfer,
        destination=replace(
            destination,
            conversation=destination.conversation or upload.facts.conversation,
            tenant=destination.tenant or upload.facts.tenant,
        ),
    )


def together(request: Inspection, whole: Inspection) -> Inspection:
    """One inspection of the request that completes a file and of the file; the request's own piece is in the file."""
    parts = tuple(part for part in request.parts if not part.path.endswith(PIECE))
    names = {finding.signature for part in parts for finding in part.findings}
    distinct = dict(whole.distinct)
    for name in names & request.distinct.keys():
        distinct[name] = distinct.get(name, 0) + request.distinct[name]
    stages = {
        name: request.stages.get(name, 0) + whole.stages.get(name, 0) for name in {*request.stages, *whole.stages}
    }
    return replace(
        request,
        parts=(*whole.parts, *parts),
        distinct=distinct,
        persons=whole.persons + (request.persons if names else 0),
        failure=request.failure or whole.failure,
        stages=stages,
        rules_overtime=(*request.rules_overtime, *whole.rules_overtime),
    )


def write_whole(spool: Spool, descriptor: int, assembly: Assembly) -> None:
    """The file, in order, from raw pieces that follow on each other or overlap.

    Raises OSError when there is a gap, and when a piece is not raw: what was judged is not what would be written.
    """
    done = 0
    for segment in sorted(assembly.segments, key=lambda one: one.start):
        if not is_plain(segment):
            raise OSError(0, "a piece is coded")
        skip = done - segment.start
        if skip < 0:
            raise OSError(0, "the pieces leave a gap")
        position, end = segment.offset_bytes + skip, segment.offset_bytes + segment.size_bytes
        while position < end:
            data = os.pread(descriptor, min(MIB, end - position), position)
            if not data:
                raise OSError(0, "the stored pieces are shorter than noted")
            spool.write(data)
            position += len(data)
            done += len(data)


def rfc3339(seconds: float) -> str:
    """The time as answers have it, UTC.

    >>> rfc3339(0)
    '1970-01-01T00:00:00Z'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
