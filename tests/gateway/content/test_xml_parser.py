"""expat with the doors shut."""

import pytest

from gateway.content.xml_parser import XmlParser
from gateway.errors import LimitError, MalformedError


def events(*chunks):
    seen = []
    parser = XmlParser(
        lambda name, attributes: seen.append(("start", name, attributes)),
        lambda name: seen.append(("end", name)),
        lambda words: seen.append(("text", words)),
        lambda words: seen.append(("aside", words)),
    )
    for chunk in chunks:
        parser.feed(chunk)
    parser.close()
    return seen


def test_events_in_order_with_attributes_as_a_list():
    assert events(b"<a x='1' y='2'>w<b/></a>") == [
        ("start", "a", ["x", "1", "y", "2"]),
        ("text", "w"),
        ("start", "b", []),
        ("end", "b"),
        ("end", "a"),
    ]


def test_comments_and_instructions_are_kept():
    assert ("aside", " c ") in events(b"<a><!-- c --></a>")
    assert ("aside", "p words") in events(b"<a><?p words?></a>")
    assert ("aside", "name file words") in events(b"<!DOCTYPE name PUBLIC 'words' 'file'><name/>")


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-8", "UTF-8"),
        ("gb18030", "GB18030"),
        ("gb18030", "gb2312"),
        ("big5", "Big5"),
        ("cp1252", "windows-1252"),
    ],
)
def test_encodings(encoding, declared):
    words = "café" if encoding == "cp1252" else "機密" if encoding == "big5" else "机密"
    head = f"<?xml version='1.0' encoding='{declared}'?>" if declared else ""
    assert ("text", words) in events(f"{head}<a>{words}</a>".encode(encoding))


def test_chunks_may_break_anywhere():
    data = "<?xml version='1.0' encoding='gbk'?><a>机密合同</a>".encode("gbk")
    pieces = [data[:50], *(data[n : n + 1] for n in range(50, len(data)))]
    assert "".join(event[1] for event in events(*pieces) if event[0] == "text") == "机密合同"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<a>", id="not closed"),
        pytest.param(b"<a></b>", id="closed by another"),
        pytest.param(b"<a/><b/>", id="two roots"),
        pytest.param(b"words", id="no markup"),
        pytest.param(b"<a>\x00</a>", id="NUL"),
        pytest.param(b"<a>&unknown;</a>", id="unknown entity"),
        pytest.param(b"<?xml version='1.0' encoding='nothing'?><a/>", id="unknown encoding"),
        pytest.param(b"<?xml version='1.0' encoding='euc_jis_2004'?><a/>", id="encoding of several bytes"),
        pytest.param(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', id="entity"),
        pytest.param(b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', id="external entity"),
        pytest.param(b'<!DOCTYPE a [<!ENTITY % b SYSTEM "http://x/">%b;]><a/>', id="parameter entity"),
    ],
)
def test_refused(data):
    with pytest.raises(MalformedError):
        events(data)


def test_billion_laughs_are_refused_at_the_first():
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    with pytest.raises(MalformedError, match="entity is declared"):
        events(f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]><a>&l9;</a>'.encode())


def test_a_document_type_alone_is_fine():
    assert ("text", "w") in events(b"<!DOCTYPE a PUBLIC 'x' 'http://x/y.dtd'><a>w</a>")


def test_errors_of_handlers_pass_through():
    def refuse(*_):
        raise LimitError("max_xml_depth", allowed=1, actual=2)

    parser = XmlParser(refuse, refuse, refuse, refuse)
    with pytest.raises(LimitError):
        parser.feed(b"<a/>")
