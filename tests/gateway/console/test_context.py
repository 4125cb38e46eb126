from dataclasses import FrozenInstanceError, fields

import pytest

from gateway.console.context import Context


def test_routes_cannot_change_what_they_share():
    context = Context(*[None] * len(fields(Context)))
    with pytest.raises(FrozenInstanceError):
        context.version = "2"
