"""The refusal as a problem document (RFC 9457), for clients whose own shape is not known."""

from __future__ import annotations

from urllib.parse import quote

from gateway.refusal.dialects import Answer, as_json
from gateway.refusal.wording import Language, Notice

PROBLEM = "application/problem+json"


def problem(notice: Notice, first: Language) -> Answer:
    """The problem document; texts hold both languages, that one first.

    `message` repeats all of it on one line: it is the member that most programs show of an error they do not know.
    """
    appeal = notice.appeal.both(first)
    body: dict[str, object] = {
        "type": f"urn:sluice:rule:{quote(notice.rules[0], safe='')}" if notice.rules else "about:blank",
        "title": notice.headline.both(first),
        "status": notice.status,
        "detail": notice.detail.both(first),
    }
    if notice.incident:
        body["instance"] = f"urn:sluice:incident:{quote(notice.incident, safe='')}"
    body |= {
        "incident": notice.incident,
        "rules": list(notice.rules),
        "guidance": notice.main.guidance.both(first),
        "sanctioned_route": notice.main.route,
        "appeal": f"{appeal} {notice.appeal_url}".strip(),
        "further": [point.sentence.both(first) for point in notice.points[1:]],
        "message": notice.message(first),
    }
    return Answer(PROBLEM, as_json(body))
