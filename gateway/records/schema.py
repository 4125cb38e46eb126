"""Tables of the store. All of it but the incidents' states can be made again from the journals."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Connection, Float, Index, MetaData, Table, Text
from sqlalchemy.schema import CreateIndex, CreateTable

SCHEMA_VERSION = "2"
"""Raised when a table changes; a store of another version is built again from the journals."""

METADATA = MetaData()

TRANSFERS = Table(
    "transfers",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("at", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("ip", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("signatures", Text, nullable=False),
    Column("names", Text, nullable=False),
    Column("coverage", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("journal", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Index("transfers_at", "at"),
    Index("transfers_action", "action", "id"),
    Index("transfers_user", "user", "id"),
)
"""One row per verdict. `at` is RFC 3339, UTC, milliseconds, so that text order is time order; `rules`, `signatures`
and `names` are lists with a line feed before, between and after the items; `outcome` is empty until it is known;
`record` is the JSON of the journal, and `journal` and `seq` are the file and the line that hold it."""

INCIDENTS = Table(
    "incidents",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("closed_by", Text, nullable=False),
    Column("at", Text, nullable=False),
    Index("incidents_state", "state", "id"),
)
"""One row per held or blocked transfer; `at` is when the state last changed."""

JOURNALS = Table(
    "journal_anchors",
    METADATA,
    Column("file", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("done", Boolean, nullable=False),
)
"""Per journal: the last record indexed, for `sluice audit verify`, and how many bytes have been read (`position`).
`done` once nobody writes the file and all of it is indexed."""

EVENTS_DUE = Table(
    "events_due",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("since", Float(53), nullable=False),
    Column("told", Boolean, nullable=False),
    Index("events_due_run", "run"),
)
"""Transfers whose outcome is unknown or whose line in `events.jsonl` is not written. `run` names the writing process,
`since` is the Unix time of indexing, `told` is true once the line is written."""

META = Table("meta", METADATA, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))
"""`schema`, `probe`, and `events`: how far `events.jsonl` is known."""


def create_tables(connection: Connection) -> None:
    """Makes what is not there; safe when two processes do it at once."""
    for table in METADATA.sorted_tables:
        connection.execute(CreateTable(table, if_not_exists=True))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            connection.execute(CreateIndex(index, if_not_exists=True))
