"""The journal directory: names of files, their heads, who still writes them, and where the last one ended.

A head is a small file beside each journal, `<journal>.head`, 124 bytes, rewritten in place after every group commit:
`<seq, 20 digits> <size in bytes, 20 digits> <hash> <first 16 hex digits of the SHA-256 of what stands before>`.
It is made before the journal and says 0 until the first line is durable.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gateway.errors import MalformedError
from gateway.records.chain import ZERO_HASH, Anchor, lines_from, parse_line

HEAD_SUFFIX = ".head"
"""What a head's name adds to its journal's."""
_HEAD = re.compile(rb"([0-9]{20}) ([0-9]{20}) ([0-9a-f]{64}) ([0-9a-f]{16})\n")
_NAME = re.compile(
    r"(?P<node>[A-Za-z0-9_-][A-Za-z0-9._-]{0,99})\.(?P<worker>[A-Za-z0-9_-]{1,32})"
    r"\.(?P<stamp>[0-9]{8}T[0-9]{6}\.[0-9]{6})\.(?P<pid>[0-9]{1,10})\.jsonl"
)
_HEAD_READS = 3


@dataclass(frozen=True, slots=True, order=True)
class JournalName:
    """The parts of a journal's name, in the order in which files follow each other."""

    node: str
    worker: str
    stamp: str
    """`yyyymmddThhmmss.ffffff`, UTC; later files of a slot have later stamps."""
    pid: int

    @property
    def slot(self) -> tuple[str, str]:
        """Node and worker: the files of one slot are one chain."""
        return self.node, self.worker

    @property
    def file(self) -> str:
        """The file's name.

        >>> JournalName("edge-1", "0", "20260301T080500.000007", 41).file
        'edge-1.0.20260301T080500.000007.41.jsonl'
        """
        return f"{self.node}.{self.worker}.{self.stamp}.{self.pid}.jsonl"


@dataclass(frozen=True, slots=True)
class Directory:
    """What lies in a journal directory."""

    journals: tuple[JournalName, ...]
    """Sorted by slot, then by time."""
    heads: tuple[str, ...]
    """Names of the journals that have a head, whether or not they are there themselves."""
    strangers: tuple[str, ...]
    """Names that no journal writes."""


def parse_name(file: str) -> JournalName | None:
    """The parts of a journal's name; None when it is not one.

    >>> parse_name("edge-1.0.20260301T080500.000007.41.jsonl").stamp
    '20260301T080500.000007'
    >>> parse_name("notes.jsonl") is None
    True
    """
    match = _NAME.fullmatch(file)
    return match and JournalName(match["node"], match["worker"], match["stamp"], int(match["pid"]))


def list_directory(directory: Path) -> Directory:
    """The directory's names; raises OSError when it cannot be read."""
    journals, heads, strangers = [], [], []
    for file in os.listdir(directory):  # noqa: PTH208 - names are all that is asked for, ten times a second
        if name := parse_name(file):
            journals.append(name)
        elif file.endswith(HEAD_SUFFIX) and parse_name(file.removesuffix(HEAD_SUFFIX)):
            heads.append(file.removesuffix(HEAD_SUFFIX))
        else:
            strangers.append(file)
    return Directory(tuple(sorted(journals)), tuple(sorted(heads)), tuple(sorted(strangers)))


def encode_head(seq: int, size: int, digest: str) -> bytes:
    """The 124 bytes of a head."""
    start = b"%020d %020d %s" % (seq, size, digest.encode())
    return b"%s %s\n" % (start, sha256(start).hexdigest()[:16].encode())


def read_head(journal: Path) -> Anchor | None:
    """What the head of `journal` vouches for; None when there is no head.

    Raises MalformedError when the head is damaged, OSError when it cannot be read.
    """
    path = journal.with_name(journal.name + HEAD_SUFFIX)
    for _ in range(_HEAD_READS):
        # A reader may meet the writer in the middle of its 124 bytes; the next look finds them whole.
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return None
        match = _HEAD.fullmatch(raw)
        if match and raw == encode_head(int(match[1]), int(match[2]), match[3].decode()):
            return Anchor(journal.name, int(match[1]), match[3].decode(), int(match[2]))
    raise MalformedError("head", f"{path.name} is damaged")


def is_live(journal: Path) -> bool:
    """Whether a process still holds the journal open for writing; its lock ends with it, however it ends."""
    fd = os.open(journal, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def durable_end(journal: Path) -> Anchor:
    """The last good record of a journal nobody writes: what its head says, and whole records after that.

    The head is believed even against the file, so that a file cut behind our back keeps being missed.
    Seq 0 when there is no record. Raises OSError when the file cannot be read.
    """
    try:
        end = read_head(journal)
    except MalformedError:
        end = None
    end = end or Anchor(journal.name, 0, ZERO_HASH, 0)
    with journal.open("rb") as file:
        for offset, raw in lines_from(file, end.size):
            try:
                line = parse_line(raw)
            except MalformedError:
                break
            if line.seq != end.seq + 1 or (end.seq and line.prev != end.hash):
                break
            end = Anchor(journal.name, line.seq, line.hash, offset + len(raw))
    return end


@dataclass(frozen=True, slots=True)
class Link:
    """The first line's word about the file before."""

    anchor: Anchor
    live: bool
    """Whether it may have more: its writer was still there, or the remains of a failed write could not be removed."""


def last_link(directory: Path, slot: tuple[str, str]) -> Link | None:
    """The end of the newest file of the slot that holds a record; None when there is none.

    Raises OSError when the directory or that file cannot be read.
    """
    for name in reversed(files_of_slot(list_directory(directory).journals, slot)):
        path = directory / name.file
        live = is_live(path)
        end = durable_end(path)
        if end.seq:
            return Link(end, live)
    return None


def files_of_slot(journals: Iterable[JournalName], slot: tuple[str, str]) -> list[JournalName]:
    """The slot's files, oldest first."""
    return [name for name in journals if name.slot == slot]
