import pytest
from pydantic import ValidationError

from gateway.destinations.split import Split, SplitEntry


def test_a_block_becomes_a_step():
    entry = SplitEntry(step="chunk", key=["query:uploadId"], order="index:query:partNumber")

    assert entry.split(name="path:-1", size="") == Split(
        step="chunk", key=("query:uploadId",), order="index:query:partNumber", name="path:-1"
    )


@pytest.mark.parametrize(
    "block",
    [
        pytest.param({"step": "chunk", "key": ["signed-url"], "order": "range", "answer": "google-308"}, id="range"),
        pytest.param({"step": "chunk", "key": ["url"], "order": "offset:header:upload-offset"}, id="offset"),
        pytest.param(
            {"step": "chunk", "key": ["json:id"], "order": "index:json:n", "content": "base64:json:data"}, id="base64"
        ),
        pytest.param({"step": "whole"}, id="whole"),
        pytest.param({"step": "init", "gives_url": ["header:location"]}, id="init"),
    ],
)
def test_what_is_allowed(block):
    assert SplitEntry(**block).step == block["step"]


@pytest.mark.parametrize(
    ("block", "says"),
    [
        pytest.param({"step": "part"}, "'init', 'chunk'", id="step"),
        pytest.param({"step": "chunk", "key": ["url"]}, "a chunk needs an order", id="no-order"),
        pytest.param({"step": "chunk", "key": ["url"], "order": "size"}, "not an order", id="order"),
        pytest.param({"step": "chunk", "key": ["url"], "order": "index:nowhere"}, "not a place", id="order-place"),
        pytest.param({"step": "whole", "order": "range"}, "only they have an order", id="whole-order"),
        pytest.param({"step": "init", "answer": "tus-204"}, "have an answer", id="init-answer"),
        pytest.param({"step": "finish"}, "needs a key", id="no-key"),
        pytest.param({"step": "whole", "content": "file"}, "not a content", id="content"),
        pytest.param({"step": "whole", "key": ["URL"]}, "not a place", id="key"),
    ],
)
def test_what_is_refused(block, says):
    with pytest.raises(ValidationError, match=says):
        SplitEntry(**block)
