from __future__ import annotations

from gateway.inspectors.bounds import Bounds


def test_an_inspector_is_replaced_when_it_keeps_a_quarter_of_a_jobs_memory():
    assert Bounds(memory_bytes=1024).recycle_bytes == 256
