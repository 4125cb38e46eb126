"""The recipe travels to the inspectors as JSON and comes back as it was."""

from gateway.inspectors.codec import decode, encode
from gateway.uploads.model import NO_ASK, Ask, Assembly, Segment


def test_what_is_asked_comes_back():
    segments = (
        Segment(0, 7, start=4),
        Segment(7, 9, index=2, content="field:file", content_type="multipart/x; b=\udce4"),
    )
    ask = Ask(
        ("json:a.b",), "base64:json:c", Assembly(segments, "合同.docx", "text/plain", 11, conflict=True), digests=True
    )
    assert decode(Ask, encode(ask)) == ask


def test_nothing_is_asked_unless_said():
    assert decode(Ask, encode(NO_ASK)) == Ask((), "", Assembly((), "", "", -1, conflict=False), digests=False)
