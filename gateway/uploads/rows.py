"""The tables of the upload store, and each statement on them; the transaction is the caller's."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from typing import NamedTuple

from gateway.uploads.assemble import is_plain
from gateway.uploads.model import Assembly, Segment
from gateway.uploads.state import Facts, State, Upload

APPLICATION_ID = 0x534C5501
"""`SLU`, and the version of the tables."""
ANYBODY = ""
"""Stands for whoever owns an upload: nobody's name is empty."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS uploads (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, facts TEXT NOT NULL, size_bytes INTEGER NOT NULL, state TEXT NOT NULL,
    incident TEXT NOT NULL, stored_bytes INTEGER NOT NULL, content_bytes INTEGER NOT NULL, complete INTEGER NOT NULL,
    segments INTEGER NOT NULL, expires_at REAL NOT NULL, conflict INTEGER NOT NULL, boot TEXT NOT NULL,
    assembled_bytes INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS uploads_expiry ON uploads (expires_at);
CREATE TABLE IF NOT EXISTS keys (
    digest BLOB NOT NULL, upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE, PRIMARY KEY (digest, upload)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS keys_upload ON keys (upload);
CREATE TABLE IF NOT EXISTS segments (
    upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE, number INTEGER NOT NULL, offset_bytes INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL, start INTEGER NOT NULL, place INTEGER NOT NULL, form TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS segments_place ON segments (upload, place);
CREATE TABLE IF NOT EXISTS spans (
    upload TEXT NOT NULL REFERENCES uploads ON DELETE CASCADE, start INTEGER NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY (upload, start)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shares (
    owner TEXT PRIMARY KEY, uploads INTEGER NOT NULL, still_open INTEGER NOT NULL, stored_bytes INTEGER NOT NULL
) WITHOUT ROWID;
INSERT OR IGNORE INTO shares VALUES ('', 0, 0, 0);
CREATE TRIGGER IF NOT EXISTS upload_comes AFTER INSERT ON uploads BEGIN
    INSERT OR IGNORE INTO shares VALUES (new.owner, 0, 0, 0);
    UPDATE shares SET uploads = uploads + 1, still_open = still_open + (new.state = 'open'),
        stored_bytes = stored_bytes + new.stored_bytes WHERE owner IN (new.owner, '');
END;
CREATE TRIGGER IF NOT EXISTS upload_changes AFTER UPDATE OF state, stored_bytes ON uploads BEGIN
    UPDATE shares SET still_open = still_open + (new.state = 'open') - (old.state = 'open'),
        stored_bytes = stored_bytes + new.stored_bytes - old.stored_bytes WHERE owner IN (new.owner, '');
END;
CREATE TRIGGER IF NOT EXISTS upload_goes AFTER DELETE ON uploads BEGIN
    UPDATE shares SET uploads = uploads - 1, still_open = still_open - (old.state = 'open'),
        stored_bytes = stored_bytes - old.stored_bytes WHERE owner IN (old.owner, '');
    DELETE FROM shares WHERE owner = old.owner AND uploads = 0;
END;
"""
"""`shares` counts per owner, and under the empty name all together: each piece asks, and there may be 80,000 rows."""
_COLUMNS = (
    "id, owner, facts, state, incident, stored_bytes, content_bytes, complete, segments, expires_at, conflict, boot"
)
_SELECT = f"SELECT {_COLUMNS} FROM"


class Share(NamedTuple):
    """How much of the store somebody uses."""

    uploads: int
    still_open: int
    stored_bytes: int


class Rows:
    """The statements over one connection. `boot` names this run of the machine."""

    def __init__(self, connection: sqlite3.Connection, boot: str) -> None:
        self._do = connection.execute
        self._many = connection.executemany
        self._boot = boot

    def get(self, upload_id: str) -> Upload | None:
        """The upload, in whatever state, expired or not."""
        found = self._do(f"{_SELECT} uploads WHERE id = ?", (upload_id,)).fetchone()
        return self._upload(found) if found else None

    def named(self, owner: str, keys: Sequence[str], now: float) -> list[Upload]:
        """The owner's uploads that any of the keys names and that have not expired, in the order of the keys."""
        found: dict[str, Upload] = {}
        for key in keys:
            where = "keys JOIN uploads ON id = upload WHERE digest = ? AND expires_at > ?"
            rows = self._do(f"{_SELECT} {where}", (key_digest(owner, key), now))
            found |= {upload.id: upload for upload in map(self._upload, rows)}
        return list(found.values())

    def insert(self, upload: Upload) -> None:
        """A new upload without pieces."""
        values = (upload.id, _text(upload.owner), _json(upload.facts), upload.facts.size_bytes, upload.state)
        columns = "id, owner, facts, size_bytes, state, incident, stored_bytes, content_bytes, complete, segments"
        self._do(
            f"INSERT INTO uploads ({columns}, expires_at, conflict, boot) VALUES (?, ?, ?, ?, ?, '', 0, 0, 0, 0, ?, 0, ?)",  # noqa: S608 - nothing of a request
            (*values, upload.expires_at, self._boot),
        )

    def link(self, upload: Upload, keys: Iterable[str]) -> int:
        """Give the upload more names, each once for its owner and once for anybody; how many it has then."""
        given = [(key_digest(owner, key), upload.id) for key in keys for owner in (upload.owner, ANYBODY)]
        self._many("INSERT OR IGNORE INTO keys VALUES (?, ?)", given)
        return self._number("SELECT count(*) FROM keys WHERE upload = ?", upload.id)

    def fill(self, upload: Upload, facts: Facts) -> Upload:
        """Take over what the upload does not know yet; two lengths that differ are a contradiction."""
        known, said = asdict(upload.facts), asdict(facts)
        filled = Facts(**{name: said[name] if value in {"", -1} else value for name, value in known.items()})
        conflict = upload.conflict or (facts.size_bytes >= 0 and facts.size_bytes != filled.size_bytes)
        self._do(
            "UPDATE uploads SET facts = ?, size_bytes = ?, conflict = ? WHERE id = ?",
            (_json(filled), filled.size_bytes, conflict, upload.id),
        )
        return replace(upload, facts=filled, conflict=conflict)

    def keep_until(self, upload_id: str, at: float) -> None:
        """Put its end off; never closer."""
        self._do("UPDATE uploads SET expires_at = max(expires_at, ?) WHERE id = ?", (at, upload_id))

    def add(self, upload: Upload, segment: Segment, content_bytes: int) -> None:
        """One more piece, whose bytes are in the file already."""
        offset, size = segment.offset_bytes, segment.size_bytes
        content_type = "" if segment.content == "body" else segment.content_type
        form = [segment.content, content_type, segment.content_encoding]
        if segment.start < 0 <= segment.index:
            is_new = not self._number(
                "SELECT count(*) FROM segments WHERE upload = ? AND place = ?", upload.id, segment.index
            )
            fresh_bytes = content_bytes if is_new else 0
        else:
            fresh_bytes = self._cover(upload.id, max(segment.start, 0), content_bytes)
        self._do(
            "INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?)",
            (upload.id, upload.segments, offset, size, segment.start, segment.index, json.dumps(form)),
        )
        self._do(
            "UPDATE uploads SET stored_bytes = ?, content_bytes = content_bytes + ?, segments = segments + 1, "
            "boot = CASE WHEN segments = 0 THEN ? ELSE boot END WHERE id = ?",
            (offset + size, fresh_bytes, self._boot, upload.id),
        )

    def note_complete(self, upload_id: str) -> None:
        """Set whether the pieces cover the whole."""
        self._do(
            "UPDATE uploads SET complete = segments > 0 AND size_bytes >= 0 AND ifnull("
            "(SELECT until FROM spans WHERE upload = id AND start = 0), 0) >= size_bytes WHERE id = ?",
            (upload_id,),
        )

    def recipe(self, upload: Upload) -> Assembly:
        """How the whole is put together; raw pieces that follow each other come as one."""
        segments: list[Segment] = []
        columns = "offset_bytes, size_bytes, start, place, form"
        query = f"SELECT {columns} FROM segments WHERE upload = ? ORDER BY number"  # noqa: S608 - as above
        for offset, size, start, place, form in self._do(query, (upload.id,)):
            segment = Segment(offset, size, start, place, *json.loads(form))
            if segments and _follows(segments[-1], segment):
                segments[-1] = replace(segments[-1], size_bytes=segments[-1].size_bytes + size)
            else:
                segments.append(segment)
        facts = upload.facts
        return Assembly(tuple(segments), facts.name, facts.declared_type, facts.size_bytes, upload.conflict)

    def note_assembled(self, upload: Upload) -> None:
        """Remember of which bytes a verdict is sought."""
        self._do("UPDATE uploads SET assembled_bytes = ? WHERE id = ?", (upload.stored_bytes, upload.id))

    def is_assembled(self, upload: Upload) -> bool:
        """Whether nothing has come since."""
        return self._number("SELECT assembled_bytes FROM uploads WHERE id = ?", upload.id) == upload.stored_bytes

    def decide(self, upload_id: str, state: State, incident: str) -> None:
        """The verdict; what is only needed to reach one goes."""
        for table in ("segments", "spans"):
            self._do(f"DELETE FROM {table} WHERE upload = ?", (upload_id,))  # noqa: S608 - as above
        self._do(
            "UPDATE uploads SET state = ?, incident = ?, stored_bytes = 0 WHERE id = ?", (state, incident, upload_id)
        )

    def delete(self, upload_id: str) -> None:
        """The upload and all that belongs to it."""
        self._do("DELETE FROM uploads WHERE id = ?", (upload_id,))

    def expired(self, now: float) -> list[Upload]:
        """Those whose time is over."""
        return list(map(self._upload, self._do(f"{_SELECT} uploads WHERE expires_at <= ?", (now,))))

    def oldest_passed(self, owner: str | None, count: int) -> list[str]:
        """Ids of passed uploads, of one owner or of all, those that expire first."""
        query = "SELECT id FROM uploads WHERE state = ? AND (? IS NULL OR owner = ?) ORDER BY expires_at LIMIT ?"
        whose = None if owner is None else _text(owner)
        return [upload_id for (upload_id,) in self._do(query, (State.PASSED, whose, whose, count))]

    def ids(self) -> set[str]:
        """All of them."""
        return {upload_id for (upload_id,) in self._do("SELECT id FROM uploads")}

    def share(self, owner: str | None = None) -> Share:
        """What one owner has, or all of them together."""
        query = "SELECT uploads, still_open, stored_bytes FROM shares WHERE owner = ?"
        found = self._do(query, ("" if owner is None else _text(owner),)).fetchone()
        return Share(*found) if found else Share(0, 0, 0)

    def _cover(self, upload_id: str, start: int, length: int) -> int:
        """Note that these bytes of the whole have come; how many had not."""
        if not length:
            return 0
        end = start + length
        query = "SELECT start, until FROM spans WHERE upload = ? AND start <= ? AND until >= ?"
        met = list(self._do(query, (upload_id, end, start)))
        self._many("DELETE FROM spans WHERE upload = ? AND start = ?", [(upload_id, low) for low, _ in met])
        lowest, highest = min([start, *(low for low, _ in met)]), max([end, *(high for _, high in met)])
        self._do("INSERT INTO spans VALUES (?, ?, ?)", (upload_id, lowest, highest))
        known: int = sum(high - low for low, high in met)
        return int(highest - lowest) - known

    def _number(self, query: str, *values: object) -> int:
        return int(self._do(query, values).fetchone()[0])

    def _upload(self, row: tuple[str, str, str, str, str, int, int, int, int, float, int, str]) -> Upload:
        (
            upload_id,
            owner,
            facts,
            state,
            incident,
            stored_bytes,
            content_bytes,
            complete,
            segments,
            at,
            conflict,
            boot,
        ) = row
        # After a crash of the machine the file may lack bytes that the tables promise.
        is_doubtful = bool(conflict) or (stored_bytes > 0 and boot != self._boot)
        numbers = (stored_bytes, content_bytes, bool(complete), segments, at, is_doubtful)
        return Upload(upload_id, json.loads(owner), Facts(**json.loads(facts)), State(state), incident, *numbers)


def key_digest(owner: str, key: str) -> bytes:
    """What stands for a key: it may be a signed URL, with which anybody could upload."""
    raw = owner.encode("utf-8", "surrogatepass")
    return hashlib.sha256(b"%d:%b:%b" % (len(raw), raw, key.encode("utf-8", "surrogatepass"))).digest()


def _follows(first: Segment, second: Segment) -> bool:
    """Whether two pieces are one, in the file and in the whole."""
    return (
        is_plain(first)
        and is_plain(second)
        and second.start >= 0 <= first.start
        and second.start == first.start + first.size_bytes
        and second.offset_bytes == first.offset_bytes + first.size_bytes
    )


def _text(value: str) -> str:
    return json.dumps(value)


def _json(facts: Facts) -> str:
    return json.dumps({field.name: getattr(facts, field.name) for field in fields(facts)})
