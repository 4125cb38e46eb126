"""E-mail and IPv4 addresses."""

from __future__ import annotations

import re

from gateway.detect.detector import Document, Trigger
from gateway.detect.identifiers.shape import LEFT, Candidate, Found, Identifier, Shape, plain

_GENERIC = (
    "com net org edu gov mil int info biz name pro dev app tech cloud online site shop store top xyz vip ltd group club "
    "wang work life live email company asia mobi museum travel jobs cat tel post xin ink red kim art blog design link "
    "news wiki world zone agency center digital finance global media network services software solutions support team "
    "today tools video bank law health school academy example test local internal corp lan"
)
_DOMAINS = frozenset(_GENERIC.split())
"""Top-level domains of more than two letters that are in use for mail, and the reserved ones of samples and intranets."""
_CODES = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf "
    "cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg "
    "gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn "
    "kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na "
    "nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh "
    "si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve "
    "vg vi vn vu wf ws ye yt za zm zw"
)
_COUNTRIES = frozenset(_CODES.split())
"""ISO 3166 codes delegated as domains."""
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9_%+\-](?:\.?[A-Za-z0-9_%+\-]){0,63}@(?:[A-Za-z0-9](?:-?[A-Za-z0-9]){0,62}\.){1,6}[A-Za-z]{2,24}(?![A-Za-z0-9\-@(])"
)
_SERVICE = frozenset({"git", "noreply", "no-reply", "donotreply", "do-not-reply"})
"""Mailboxes of machines."""
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_MOST_ADDRESSES = 1000
"""IPv4 addresses looked at per text; a log has one a line and nothing hangs on how many."""
_VERSION_WORD = re.compile(r"(?<![A-Za-z])(?:version|ver|v|版本|release|rev)[ :：=\"']{0,3}$", re.IGNORECASE)


def _email(found: Found, _document: Document) -> Candidate | None:
    start = found.start()
    if found.string[max(0, start - 1) : start] == "\\" and found[0][0] in "nrtbf":
        start += 1  # the letter belongs to an escape of JSON or C: \\n is no part of a name
    address = found[0][start - found.start() :].lower()
    local, _, domain = address.rpartition("@")
    top = domain.rpartition(".")[2]
    if not local or local in _SERVICE or (top not in _DOMAINS and top not in _COUNTRIES):
        return None
    return Candidate(address, start, found.end(), person=f"mail:{address}")


def _ipv4(found: Found, _document: Document) -> Candidate | None:
    ahead = found.string[max(0, found.start() - 12) : found.start()]
    return None if _VERSION_WORD.search(ahead) else plain(found)


EMAIL = Identifier("email", (Shape(Trigger(r"[A-Za-z0-9_%+\-]@[A-Za-z0-9]"), _EMAIL, _email, reach=330),))
IPV4 = Identifier(
    "ipv4",
    (
        Shape(
            Trigger(LEFT + r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?:[^0-9A-Za-z.]|\.[^0-9]|\.?\z)", most=_MOST_ADDRESSES),
            re.compile(rf"(?<![0-9A-Za-z.\-])(?:{_OCTET}\.){{3}}{_OCTET}(?![0-9A-Za-z\-])(?!\.[0-9])"),
            _ipv4,
            reach=24,
        ),
    ),
)
