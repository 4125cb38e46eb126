from typing import get_args

from gateway.destinations.entries import Kind, Reader
from gateway.policy.vocabulary import EndpointKind, MessageReader


def test_endpoint_kinds_and_readers_are_those_of_the_catalogue():
    assert get_args(EndpointKind) == get_args(Kind.__value__)
    assert get_args(MessageReader) == get_args(Reader.__value__)
