"""States of a PDF that no reader shows."""

import io
import re

import pikepdf
import pypdfium2
import pytest

from gateway.content import pdf_history
from gateway.content.pdf_history import hidden_states
from gateway.content.pdf_objects import walk
from gateway.content.reading import Budget, Source
from gateway.errors import LimitError
from gateway.limits import Limits
from tests.samples.office import pdf_bytes


def states(content, shown=1):
    objects = walk(content, Source(content, "", "", Limits(), Budget())).objects
    return list(hidden_states(content, objects, shown_pages=shown))


def texts(state):
    with pypdfium2.PdfDocument(state) as document:
        return [page.get_textpage().get_text_range() for page in document]


def revised(data, number, body):
    size = max(int(each) for each in re.findall(rb"/Size (\d+)", data))
    root = re.search(rb"/Root (\d+ \d+ R)", data)[1]
    start = re.findall(rb"startxref\s+(\d+)", data)[-1]
    place = len(data)
    data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"xref\n%d 1\n%010d 00000 n \n" % (number, place)
    return (
        data
        + table
        + b"trailer\n<</Size %d/Root %s/Prev %s>>\nstartxref\n%d\n%%%%EOF\n" % (size, root, start, len(data))
    )


def parts_of(data):
    """Numbers of the first page and of its content."""
    with pikepdf.open(io.BytesIO(data)) as document:
        page = document.pages[0].obj
        return page.objgen[0], page.Contents.objgen[0]


PAPER = pdf_bytes("words")
PAGE, CONTENT = parts_of(PAPER)


def test_nothing_is_hidden():
    assert states(PAPER) == []


@pytest.mark.parametrize("packed", [False, True])
def test_page_in_no_tree(packed):
    with pikepdf.open(io.BytesIO(pdf_bytes("words", "合同"))) as document:
        document.Root.Kept = document.pages[1].obj
        del document.pages[1]
        target = io.BytesIO()
        mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable
        document.save(target, object_stream_mode=mode)
    ((state, pages),) = states(target.getvalue())
    assert (pages, sorted(texts(state))) == (2, ["words", "合同"])


def test_content_that_was_replaced():
    data = revised(PAPER, CONTENT, b"<</Length 0>>stream\n\nendstream")
    assert texts(data) == [""]
    ((state, pages),) = states(data)
    assert (pages, texts(state)) == (1, ["words"])


def test_page_that_was_replaced():
    data = revised(PAPER, PAGE, b"<</Type/Page/MediaBox[0 0 9 9]/Parent 1 0 R>>")
    ((state, _),) = states(data)
    assert texts(state) == ["words"]


def test_page_with_another_note_looks_the_same():
    page = re.search(rb"%d 0 obj(.*?)endobj" % PAGE, PAPER, re.DOTALL)[1]
    assert states(revised(PAPER, PAGE, page.replace(b"/Type /Page", b"/Type /Page /Annots []", 1))) == []


def test_document_without_a_place_of_its_table():
    data = revised(PAPER, CONTENT, b"<</Length 0>>stream\n\nendstream").replace(b"startxref", b"startxxxx", 1)
    ((state, _),) = states(data)
    assert texts(state) == ["words"]


@pytest.mark.parametrize("limit", ["MAX_REVISIONS", "MAX_STATES"])
def test_limits(monkeypatch, limit):
    data = PAPER
    for _ in range(3):
        data = revised(data, CONTENT, b"<</Length 0>>stream\n\nendstream")
    monkeypatch.setattr(pdf_history, limit, 2)
    with pytest.raises(LimitError, match="max_pdf_"):
        states(data)
