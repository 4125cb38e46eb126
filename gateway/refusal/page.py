"""The refusal as a page for a person in a browser: one file, no script, nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from gateway.refusal.dialects import Answer
from gateway.refusal.wording import Language, Notice, Text, link, other

HTML = "text/html; charset=utf-8"
HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ("Referrer-Policy", "no-referrer"),
)
"""The page may load and run nothing; the address it stood at is not told to the sanctioned route."""
TAGS: Mapping[Language, str] = {"zh": "zh-CN", "en": "en"}
"""Language → its tag in HTML (BCP 47)."""
LABELS = {
    "also": Text("另外", "Also"),
    "instead": Text("您可以这样做", "What to do instead"),
    "route": Text("使用合规渠道", "Use the approved route"),
    "incident": Text("事件编号", "Incident number"),
    "appeal": Text("认为有误？", "Is this a mistake?"),
    "quote": Text(
        "如认为这是误报，请把本页的事件编号告诉信息安全部门，由其复核。",
        "If you think so, give the incident number on this page to the security team, who will review it.",
    ),
    "appeal_link": Text("提交申诉", "Appeal"),
    "rules": Text("规则", "Rules"),
    "basis": Text("依据", "Basis"),
    "source": Text(
        "本页由公司的外发网关生成，不是目标网站的内容。",
        "This page comes from the company's outbound gateway, not from the website.",
    ),
}

_ENVIRONMENT = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
_PAGE = _ENVIRONMENT.from_string(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
"""Read once, when the module is imported: rendering itself touches no file."""


def page(notice: Notice, first: Language) -> Answer:
    """The page with all of it in that language, then in the other."""
    text = _PAGE.render(notice=notice, order=(first, other(first)), labels=LABELS, tags=TAGS, link=link)
    return Answer(HTML, text.encode(), HEADERS)
