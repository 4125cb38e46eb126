"""Uploads that span requests: what the catalogue says of a request's step in one, and where its facts stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gateway.wire.places import parse_place

type StepWord = Literal["init", "chunk", "finish", "whole", "status", "abort"]
type AnswerWord = Literal["google-308", "graph-202", "tus-204"]

OWN_URL = ("url", "signed-url")
"""Keys that are the request's own URL: without its query, and with it."""


@dataclass(frozen=True, slots=True)
class Split:
    """A request's step in an upload that spans requests; places as in `gateway.wire.places`."""

    step: str
    """`init` announces, `chunk` carries a piece, `whole` carries all bytes, `finish` completes, `status` asks,
    `abort` gives up."""
    key: tuple[str, ...] = ()
    """Places in the request, or `url`, `signed-url`: values that name the upload; the first that is there counts."""
    gives: tuple[str, ...] = ()
    """Places in the response: ids that name the upload from then on."""
    gives_url: tuple[str, ...] = ()
    """Places in the response: URLs whose requests belong to the upload."""
    order: str = ""
    """`range` for Content-Range, `offset:PLACE` in bytes, `index:PLACE`; empty when the request carries all or nothing.
    An `init` or `finish` with an order carries a piece, too."""
    content: str = "body"
    """Where the bytes are: `body`, `field:NAME`, or `base64:PLACE`."""
    answer: str = ""
    """How the gateway can honestly answer a chunk that it keeps; empty when only the service can."""
    forwardable: bool = True
    """Whether chunks may go on before the commit is judged, where policy holds only the commit."""
    name: str = ""
    """Place of the file's name."""
    size: str = ""
    """Place of the file's declared size, bytes."""


def _place(text: str) -> str:
    parse_place(text)
    return text


def _key(text: str) -> str:
    return text if text in OWN_URL else _place(text)


def _order(text: str) -> str:
    kind, _, place = text.partition(":")
    if text != "range":
        if kind not in {"offset", "index"}:
            raise ValueError("not an order; allowed: range, offset:PLACE, index:PLACE")
        parse_place(place)
    return text


def _content(text: str) -> str:
    if text != "body":
        if not text.startswith(("field:", "base64:")):
            raise ValueError("not a content; allowed: body, field:NAME, base64:PLACE")
        parse_place(text.removeprefix("base64:"))
    return text


type PlaceText = Annotated[str, AfterValidator(_place)]
type KeyText = Annotated[str, AfterValidator(_key)]


class SplitEntry(BaseModel):
    """The `split` block of an endpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    step: StepWord
    key: list[KeyText] = Field(default=[])
    gives: list[PlaceText] = Field(default=[])
    gives_url: list[PlaceText] = Field(default=[])
    order: Annotated[str, AfterValidator(_order)] | None = None
    content: Annotated[str, AfterValidator(_content)] = "body"
    answer: AnswerWord | None = None
    forwardable: bool = True

    @model_validator(mode="after")
    def _fits_together(self) -> SplitEntry:
        if self.step == "chunk" and not self.order:
            raise ValueError("a chunk needs an order; allowed: range, offset:PLACE, index:PLACE")
        if self.step not in {"init", "chunk", "finish"} and self.order:
            raise ValueError("only init, chunk and finish carry a piece, so only they have an order")
        if self.step not in {"chunk", "status"} and self.answer:
            raise ValueError("only a chunk and a status have an answer")
        if self.step not in {"init", "whole"} and not self.key:
            raise ValueError(f"the step {self.step} needs a key that names its upload")
        return self

    def split(self, *, name: str, size: str) -> Split:
        """The block ready for use, with the endpoint's places of name and size."""
        return Split(
            step=self.step,
            key=tuple(self.key),
            gives=tuple(self.gives),
            gives_url=tuple(self.gives_url),
            order=self.order or "",
            content=self.content,
            answer=self.answer or "",
            forwardable=self.forwardable,
            name=name,
            size=size,
        )
