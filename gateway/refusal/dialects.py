"""The services' own error shapes, so that their official clients show the sentence (ENDPOINTS, 4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from xml.sax.saxutils import escape

from gateway.refusal.wording import Language, Notice, link

JSON = "application/json; charset=utf-8"
BARE_JSON = "application/json"
"""Dropbox's SDK compares the whole header with this."""
XML = "application/xml"
PLAIN = "text/plain; charset=utf-8"
GIT_LFS = "application/vnd.git-lfs+json"


class Answer(NamedTuple):
    """A body and what it needs beside it."""

    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


type Shape = Callable[[str, Notice], Mapping[str, object]]
"""(message for people, notice) → the error object."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one service reports an error."""

    first: Language
    """The language of its users, when the request asks for none."""
    shape: Shape
    content_type: str = JSON


def _wecom(message: str, notice: Notice) -> Mapping[str, object]:
    return {"errcode": notice.status, "errmsg": message}


def _dingtalk(message: str, notice: Notice) -> Mapping[str, object]:
    # oapi.dingtalk.com answers with the first two, api.dingtalk.com with the others.
    return {
        "errcode": notice.status,
        "errmsg": message,
        "code": "Forbidden.AccessDenied",
        "message": message,
        "requestid": notice.incident,
    }


def _feishu(message: str, notice: Notice) -> Mapping[str, object]:
    return {"code": notice.status, "msg": message}


def _slack(message: str, _notice: Notice) -> Mapping[str, object]:
    return {"ok": False, "error": message}


def _telegram(message: str, notice: Notice) -> Mapping[str, object]:
    return {"ok": False, "error_code": notice.status, "description": message}


def _dropbox(message: str, _notice: Notice) -> Mapping[str, object]:
    # The tag is one that no route knows: the SDKs take that for "other", whereas dropbox 12 fails on "other" itself.
    return {
        "error_summary": message,
        "error": {".tag": "blocked_by_policy"},
        "user_message": {"text": message, "locale": "en"},
    }


def _github(message: str, notice: Notice) -> Mapping[str, object]:
    return {"message": message, "documentation_url": link(notice.main.route), "status": str(notice.status)}


def _google(message: str, notice: Notice) -> Mapping[str, object]:
    one = {"message": message, "domain": "global", "reason": "forbidden"}
    return {"error": {"code": notice.status, "message": message, "status": "PERMISSION_DENIED", "errors": [one]}}


def _graph(message: str, notice: Notice) -> Mapping[str, object]:
    return {"error": {"code": "accessDenied", "message": message, "innerError": {"request-id": notice.incident}}}


def _baidu(message: str, notice: Notice) -> Mapping[str, object]:
    # pan.baidu.com answers with the first two, the older pcs.baidu.com with the others.
    return {"errno": notice.status, "errmsg": message, "error_code": notice.status, "error_msg": message}


def _box(message: str, notice: Notice) -> Mapping[str, object]:
    return {
        "type": "error",
        "status": notice.status,
        "code": "forbidden",
        "message": message,
        "request_id": notice.incident,
    }


def _gitlab(message: str, _notice: Notice) -> Mapping[str, object]:
    return {"message": message}


def _openai(message: str, _notice: Notice) -> Mapping[str, object]:
    return {"error": {"message": message, "type": "policy", "param": None, "code": "blocked_by_policy"}}


def _anthropic(message: str, notice: Notice) -> Mapping[str, object]:
    error = {"type": "permission_error", "message": message}
    return {"type": "error", "error": error, "request_id": notice.incident}


def _discord(message: str, _notice: Notice) -> Mapping[str, object]:
    return {"message": message, "code": 0}


def _matrix(message: str, _notice: Notice) -> Mapping[str, object]:
    return {"errcode": "M_FORBIDDEN", "error": message}


def _zulip(message: str, _notice: Notice) -> Mapping[str, object]:
    return {"result": "error", "msg": message, "code": "BAD_REQUEST"}


def _git_lfs(message: str, notice: Notice) -> Mapping[str, object]:
    return {"message": message, "documentation_url": link(notice.main.route), "request_id": notice.incident}


DIALECTS: Mapping[str, Dialect] = {
    "wecom": Dialect("zh", _wecom),
    "dingtalk": Dialect("zh", _dingtalk),
    "feishu": Dialect("zh", _feishu),
    "baidu": Dialect("zh", _baidu),
    "slack": Dialect("en", _slack),
    "telegram": Dialect("en", _telegram),
    "dropbox": Dialect("en", _dropbox, BARE_JSON),
    "github": Dialect("en", _github),
    "google": Dialect("en", _google),
    "graph": Dialect("en", _graph),
    "box": Dialect("en", _box),
    "gitlab": Dialect("en", _gitlab),
    "openai": Dialect("en", _openai),
    "anthropic": Dialect("en", _anthropic),
    "discord": Dialect("en", _discord),
    "matrix": Dialect("en", _matrix),
    "zulip": Dialect("en", _zulip),
}
"""Name in the catalogue → JSON shape; those of `XML_SHAPES` have functions of their own."""
XML_FIRST: Language = "en"


NUMBER_HEADERS: Mapping[str, str] = {
    "dropbox": "X-Dropbox-Request-Id",
    "s3": "x-amz-request-id",
    "azure": "x-ms-request-id",
}
"""Dialect → the header in which its SDK looks for the number of a request; Dropbox's prints nothing else."""


def in_dialect(name: str, notice: Notice, asked: Language | None) -> Answer | None:
    """The refusal in the shape of that name, None when the name has none."""
    header = NUMBER_HEADERS.get(name)
    headers = ((header, notice.incident),) if header and notice.incident else ()
    shape = XML_SHAPES.get(name)
    if shape is not None:
        return Answer(XML, shape(notice.message(asked or XML_FIRST), notice), headers)
    dialect = DIALECTS.get(name)
    if dialect is None:
        return None
    message = notice.message(asked or dialect.first)
    return Answer(dialect.content_type, as_json(dialect.shape(message, notice)), headers)


def for_git(headers: Mapping[str, str], notice: Notice, asked: Language | None) -> Answer | None:
    """The refusal for git and git-lfs, which talk to any host; None for other clients.

    git prints a plain text it gets instead of references, and only that; LFS has one error object for all servers.
    """
    if GIT_LFS in headers.get("accept", "").lower():
        return Answer(GIT_LFS, as_json(_git_lfs(notice.message(asked or "zh"), notice)))
    if headers.get("user-agent", "").startswith("git/"):
        return Answer(PLAIN, notice.message(asked or "zh").encode())
    return None


def as_json(body: Mapping[str, object]) -> bytes:
    """The object as UTF-8, Chinese left readable for clients that show the raw body."""
    return json.dumps(body, ensure_ascii=False).encode()


def _s3(message: str, notice: Notice) -> bytes:
    code = "EntityTooLarge" if notice.status == 413 else "AccessDenied"
    body = f"<Code>{code}</Code><Message>{escape(message)}</Message><RequestId>{escape(notice.incident)}</RequestId>"
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{body}<HostId>sluice</HostId></Error>'.encode()


def _azure(message: str, notice: Notice) -> bytes:
    code = "RequestBodyTooLarge" if notice.status == 413 else "AuthorizationFailure"
    number = f"\nRequestId:{notice.incident}" if notice.incident else ""
    body = f"<Code>{code}</Code><Message>{escape(message + number)}</Message>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<Error>{body}</Error>'.encode()


XML_SHAPES: Mapping[str, Callable[[str, Notice], bytes]] = {"s3": _s3, "azure": _azure}
"""Name in the catalogue → XML shape."""
