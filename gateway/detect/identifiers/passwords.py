"""Passwords: behind a key in code and settings, inside a connection string, told in a message."""

from __future__ import annotations

import re

from gateway.detect.detector import Document, Trigger
from gateway.detect.identifiers.own import OWN_SHARE, is_own
from gateway.detect.identifiers.shape import Candidate, Found, Identifier, Shape

_PLACEHOLDER = re.compile(
    r"[*x.•?#_\-]+|[<\[{$%].*|.*[>}\]]|(?:your|my|the|some|new|old|test|example|sample|dummy|fake|user|db|input|enter)[-_ ]?(?:secret|pass\w*|pwd)?"
    r"|pass(?:word|wd|phrase)?[-_]?(?:here|123|1)?|pwd|secret|null|none|nil|undefined|true|false|string|str|text|required|optional|hidden|empty"
    r"|change[-_]?(?:me|it|this)|placeholder|redacted|removed|todo|tbd|n/a|env\w*|os\.\w+.*|process\.env.*|config\w*\..*|self\..*|this\..*"
    r"|请输入.*|见.*|同上|无|略|待定|\d{0,3}",
    re.IGNORECASE,
)
"""Values that are no password: stars, templates, words for "put yours here", look-ups in code."""
_KEY = r"(?:pass[_\-]?word|passwd|pass[_\-]?phrase|passcode|pwd|db[_\-]?pass|user[_\-]?pass|mysql[_\-]?pass|redis[_\-]?pass)"
_QUOTED = r"[\"'](?P<quoted>[^\"'\s\\]{4,128})[\"']"
_BARE = r"(?P<bare>[^\s\"',;<>(){}\[\]&|`]{6,128}+)(?![(\[])"
_ASSIGNED = re.compile(
    rf"{_KEY}\w{{0,16}}[\"'\]]{{0,2}}[ \t]{{0,4}}(?:(?::=|=>|[:=：])[ \t]{{0,4}}|(?<=[A-Za-z])>)(?:{_QUOTED}|{_BARE})",
    re.IGNORECASE,
)
_OPTION = re.compile(r"--password[= ](?P<quoted>[^\s\"'<>$\-][^\s\"'<>$]{5,128})", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z_][A-Za-z_]*(?:\.[A-Za-z_]+)*[?!:]*|[A-Za-z]+[_A-Za-z]*\d?|~?/.*|.*(?:::|:[a-z]+:).*")
"""Identifiers of a programming language, types, plain words, paths (PWD), roles of a markup."""

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]{1,20})://(?P<user>[^\s:/@\"'<>]{0,64}):(?P<value>[^\s/@\"'<>]{1,128})@(?P<host>[A-Za-z0-9.\-_\[\]:]{1,128})"
)
_ADO = re.compile(
    r"(?:server|data source|host|addr(?:ess)?|endpoint)[ ]?=[^;\n\"']{1,100};(?:[^;\n\"']{1,100};){0,8}?[ ]?(?:password|pwd)[ ]?=[ ]?(?P<value>[^;\s\"']{1,128})",
    re.IGNORECASE,
)

_CHINESE_LABEL = "(?:登录|登陆|开机|解压|压缩包|文件|打开|访问|邮箱|账号|帐号|系统|服务器|数据库|管理员|初始|默认|WiFi|wifi|提取|分享|阅读|会议)?(?:密码|口令|解压码|提取码|访问码)"
_MESSAGE = re.compile(
    rf"{_CHINESE_LABEL}(?:还|就)?[ ]?(?:是|为|改成|改为|设为|[:：=])[ ]?[:：]?[ ]?[“\"'「【]?(?P<value>[A-Za-z0-9!@#$%^&*()_+\-=.?~]{{4,64}})"
)
_ENGLISH = re.compile(
    r"(?:password|passcode|passphrase|pwd|pw)(?: for [\w .\-]{1,40}?| to [\w .\-]{1,40}?)? (?:is|was|will be)[: ]{1,2}[\"']?(?P<value>[A-Za-z0-9!@#$%^&*()_+\-=.?~]{4,64})",
    re.IGNORECASE,
)


def _is_secret(value: str) -> bool:
    return _PLACEHOLDER.fullmatch(value) is None and len(set(value)) > 2


def _kinds(value: str) -> int:
    """How many of lower case, upper case, digit, other the value has."""
    return sum(
        any(test(char) for char in value)
        for test in (str.islower, str.isupper, str.isdigit, lambda char: not char.isalnum())
    )


def _assigned(found: Found, document: Document) -> Candidate | None:
    """A quoted literal, or a bare word that no program would write."""
    group = "quoted" if found["quoted"] else "bare"
    value = found[group]
    is_code = _CODE.fullmatch(value) if group == "bare" else value.startswith(("/", "~/"))
    if not _is_secret(value) or is_code or (group == "bare" and _kinds(value) < 2):
        return None
    share = OWN_SHARE if is_own(found, document) else 1.0 if _kinds(value) > 1 else 0.7
    return Candidate(value, found.start(group), found.end(group), share=share)


def _option(found: Found, _document: Document) -> Candidate | None:
    value = found["quoted"]
    return Candidate(value, *found.span("quoted")) if _is_secret(value) and _kinds(value) > 1 else None


def _connection(found: Found, _document: Document) -> Candidate | None:
    value = found["value"]
    return Candidate(value, found.start(), found.end()) if _is_secret(value) else None


def _message(found: Found, _document: Document) -> Candidate | None:
    value = found["value"].rstrip(".?)")
    digits = value.isdigit() and len(value) >= 4
    if len(value) < 4 or not (digits or _kinds(value) > 1) or _PLACEHOLDER.fullmatch(value):
        return None
    return Candidate(value, found.start("value"), found.start("value") + len(value))


PASSWORD = Identifier(
    "secret.password",
    (
        Shape(
            Trigger(rf"{_KEY}[\"'\]A-Za-z0-9_]{{0,18}}[ \t]{{0,4}}(?:=|:|：|>)", caseless=True),
            _ASSIGNED,
            _assigned,
            reach=200,
        ),
        Shape(Trigger("--password[= ]", caseless=True), _OPTION, _option, reach=160),
    ),
)
CONNECTION_STRING = Identifier(
    "secret.connection-string",
    (
        Shape(Trigger(r"://[^ /:@\"'<>\x00-\x20]{0,64}:[^ /@\"'<>\x00-\x20]{1,128}@"), _URL, _connection, reach=360),
        Shape(Trigger(r";[ ]?(?:password|pwd)[ ]?=", caseless=True), _ADO, _connection, reach=900),
    ),
)
MESSAGE_PASSWORD = Identifier(
    "message.password",
    (
        Shape(
            Trigger("(?:密码|口令|解压码|提取码|访问码)(?:还|就)?[ ]?(?:是|为|改成|改为|设为|:|：|=)"),
            _MESSAGE,
            _message,
            reach=120,
        ),
        Shape(
            Trigger("(?:password|passcode|passphrase|pwd|pw)[a-z0-9 .\\-]{0,44} (?:is|was|will be)[: ]", caseless=True),
            _ENGLISH,
            _message,
            reach=160,
        ),
    ),
)
