import json

import pytest

from gateway.uploads.answers import Answer, answer_chunk, answer_question, whole_headers

EXPIRES = "2026-12-01T00:00:00Z"
GRAPH = {"expirationDateTime": EXPIRES, "nextExpectedRanges": ["320-"]}


@pytest.mark.parametrize(
    ("word", "kept", "answer"),
    [
        pytest.param("google-308", 320, Answer(308, (("range", "bytes=0-319"),)), id="google"),
        pytest.param("google-308", 0, Answer(308), id="google-nothing-yet"),
        pytest.param("tus-204", 320, Answer(204, (("tus-resumable", "1.0.0"), ("upload-offset", "320"))), id="tus"),
    ],
)
def test_a_kept_piece_is_answered_for(word, kept, answer):
    assert answer_chunk(word, kept, EXPIRES) == answer


def test_graph_says_which_range_is_next():
    kept, asked = answer_chunk("graph-202", 320, EXPIRES), answer_question("graph-202", 320, 640, EXPIRES)

    assert (kept.status, json.loads(kept.body)) == (202, GRAPH)
    assert (asked.status, json.loads(asked.body), dict(asked.headers)) == (
        200, GRAPH, {"content-type": "application/json"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("word", "total", "answer"),
    [
        pytest.param("google-308", 640, Answer(308, (("range", "bytes=0-319"),)), id="google"),
        pytest.param(
            "tus-204",
            640,
            Answer(
                200,
                (
                    ("tus-resumable", "1.0.0"),
                    ("upload-offset", "320"),
                    ("cache-control", "no-store"),
                    ("upload-length", "640"),
                ),
            ),
            id="tus",
        ),
        pytest.param(
            "tus-204",
            -1,
            Answer(200, (("tus-resumable", "1.0.0"), ("upload-offset", "320"), ("cache-control", "no-store"))),
            id="tus-length-unknown",
        ),
    ],
)
def test_how_far_it_is(word, total, answer):
    assert answer_question(word, 320, total, EXPIRES) == answer


@pytest.mark.parametrize(
    ("word", "headers"),
    [
        ("google-308", {"content-range": "bytes 0-639/640"}),
        ("graph-202", {"content-range": "bytes 0-639/640"}),
        ("tus-204", {"upload-offset": "0"}),
    ],
)
def test_the_last_request_carries_the_whole(word, headers):
    assert whole_headers(word, 640) == headers
