"""What the database holds of a room, read without any code of the product."""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.servers import LiveServer

_MESSAGES = """
    SELECT m.seq, m.rev, m.uid, m.client_id, u.uid, m.body
    FROM chat_message m JOIN chat_room r ON r.id = m.room_id LEFT JOIN accounts_user u ON u.id = m.sender_id
    WHERE r.uid = {mark} ORDER BY m.seq
"""
_HEAD = "SELECT c.head FROM chat_roomcursor c JOIN chat_room r ON r.id = c.room_id WHERE r.uid = {mark}"


@dataclass(frozen=True, slots=True)
class Stored:
    """One message as its row says it."""

    seq: int
    rev: int
    uid: str
    client_id: str
    sender: str
    text: str


def stored_messages(server: LiveServer, room: str) -> list[Stored]:
    """Return the messages of the room in their order."""
    rows = _query(server, _MESSAGES, room)
    return [
        Stored(seq, rev, uid, str(uuid.UUID(str(client_id))), sender, body)
        for seq, rev, uid, client_id, sender, body in rows
    ]


def stored_head(server: LiveServer, room: str) -> int:
    """Return the last number that the room has given out."""
    [(head,)] = _query(server, _HEAD, room)
    return int(head)


def _query(server: LiveServer, sql: str, room: str) -> list[tuple[Any, ...]]:
    url = server.env["DATABASE_URL"]
    if url:
        with psycopg.connect(url, connect_timeout=5) as connection:
            return connection.execute(sql.format(mark="%s"), [room]).fetchall()
    with contextlib.closing(sqlite3.connect(server.data_dir / "pavilion.sqlite3", timeout=20)) as file:
        return file.execute(sql.format(mark="?"), [room]).fetchall()
