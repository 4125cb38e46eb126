"""Dataclasses ↔ JSON bytes, exact in both directions and strict on the way back.

Made for the classes of `gateway.transfer` and `gateway.findings`: what was compiled from their annotations reads
nothing else, because the bytes come from a process that has looked at hostile input.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, cast, get_args, get_origin, get_type_hints

type Reader = Callable[[Any], Any]
"""One JSON value → the value of the field; raises ValueError."""


def encode(value: object) -> bytes:
    """ASCII JSON of a dataclass; raises ValueError for a float that is not finite.

    >>> from gateway.transfer import Actor
    >>> encode(Actor(user="li"))[:27]
    b'{"user":"li","groups":[],"r'
    """
    return _ENCODER.encode(value).encode("ascii")


def decode[T](kind: type[T], data: bytes) -> T:
    """The dataclass that `encode` wrote; raises ValueError, which names the field and never repeats the value.

    >>> from gateway.transfer import Actor
    >>> decode(Actor, b'{"user": 1}')
    Traceback (most recent call last):
    ValueError: Actor: the keys are not its fields
    """
    try:
        value = _DECODER.decode(data.decode("ascii"))
    except (ValueError, RecursionError):
        raise ValueError(f"{kind.__name__}: not JSON") from None
    return cast(T, _reader(cast(Hashable, kind), kind.__name__)(value))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return {name: getattr(value, name) for name in _names(cast(Hashable, type(value)))}


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_ENCODER = json.JSONEncoder(default=_plain, allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_constant=_no_constant)


@cache
def _names(kind: Any) -> tuple[str, ...]:  # noqa: ANN401 - asked about whatever is to be encoded
    if not is_dataclass(kind):
        raise TypeError(f"{kind.__name__} is not a dataclass")
    return tuple(field.name for field in fields(kind))


@cache
def _reader(kind: Any, where: str) -> Reader:  # noqa: ANN401 - an annotation may be anything
    """The reader of one annotation; raises TypeError for one that no contract uses."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _SCALARS:
        return _scalar(kind, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum(kind, where)
    if origin is tuple and arguments[1:] == (...,):
        return _sequence(_reader(arguments[0], where), where)
    if origin is Mapping and arguments[0] is str:
        return _mapping(_reader(arguments[1], where), where)
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind)
    raise TypeError(f"{where}: no reader for {kind!r}")


_SCALARS: Mapping[Any, tuple[type, ...]] = {str: (str,), int: (int,), bool: (bool,), float: (float, int)}


def _scalar(kind: type, where: str) -> Reader:
    allowed = _SCALARS[kind]

    def read(value: Any) -> Any:  # noqa: ANN401 - JSON may be anything
        if type(value) not in allowed or (kind is float and not math.isfinite(value)):
            raise ValueError(f"{where}: not of type {kind.__name__}")
        return kind(value)

    return read


def _enum(kind: type[Enum], where: str) -> Reader:
    members = {member.value: member for member in kind}
    of = type(next(iter(members)))

    def read(value: Any) -> Any:  # noqa: ANN401 - JSON may be anything
        if type(value) is not of or value not in members:
            raise ValueError(f"{where}: no member of {kind.__name__}")
        return members[value]

    return read


def _sequence(item: Reader, where: str) -> Reader:
    def read(value: Any) -> Any:  # noqa: ANN401 - JSON may be anything
        if type(value) is not list:
            raise ValueError(f"{where}: not an array")
        return tuple([item(one) for one in value])

    return read


def _mapping(item: Reader, where: str) -> Reader:
    def read(value: Any) -> Any:  # noqa: ANN401 - JSON may be anything
        if type(value) is not dict:
            raise ValueError(f"{where}: not an object")
        return types.MappingProxyType({key: item(one) for key, one in value.items()})

    return read


def _record(kind: type) -> Reader:
    hints = get_type_hints(kind)
    readers = {name: _reader(hints[name], f"{kind.__name__}.{name}") for name in _names(kind)}

    def read(value: Any) -> Any:  # noqa: ANN401 - JSON may be anything
        if type(value) is not dict or value.keys() != readers.keys():
            raise ValueError(f"{kind.__name__}: the keys are not its fields")
        return kind(**{name: reader(value[name]) for name, reader in readers.items()})

    return read
