"""The store's calls beside the event loop; the steps that use them are in test_uploads.py."""

from __future__ import annotations

import threading

import pytest

from addons.kept import Kept, not_refused
from addons.steps import Refused
from gateway.uploads.state import State, Upload
from gateway.uploads.store import UploadStore


@pytest.fixture
def kept(tmp_path):
    made = Kept(UploadStore(tmp_path, max_stored_bytes=9, max_uploads=9, keep_s=9))
    yield made
    made.close()


async def test_calls_run_in_a_thread(kept):
    assert await kept.call(threading.get_ident) != threading.get_ident()
    assert await kept.call(int, "11", base=2) == 3


def test_a_refused_upload_names_its_incident():
    not_refused([Upload("u", "li", None), Upload("u", "li", None, State.PASSED)])
    with pytest.raises(Refused) as refused:
        not_refused([Upload("u", "li", None), Upload("v", "li", None, State.REFUSED, "t-1")])
    assert (refused.value.reason, refused.value.because) == ("upload-refused", "refused before as t-1")
