"""Builders that may be one firm: found for the whole directory at once, and decided on by staff.

Every builder is filed under its block keys in a table of this connection's own, outside any transaction: nobody waits
for it, however large the directory is. Then whoever meets under a key is compared, page by page.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from builders.duplicates.blocks import SHARED_BY_NAMES, TRACES, block_keys, most_under
from builders.duplicates.rules import Decision, Verdict
from builders.duplicates.rules import decide as judge
from builders.duplicates.traits import Traits
from builders.models import DuplicateCandidate
from builders.permissions import can_merge_builders
from builders.services.comparable import load_traits
from builders.services.tables import among, fetch, is_postgres, listed
from operations.activity import record
from realtime.errors import ClientError, NotFound

State = DuplicateCandidate.State
Pair = tuple[int, int]
# Builders filed, and pairs compared, at a time: some megabytes.
CHUNK = 2000
_TRIES = 3
# A pair that was decided on is not looked at again; one that waits is, because it may have gone.
_PAIRS = """
    INSERT INTO duplicate_pair SELECT DISTINCT a.builder, b.builder FROM duplicate_block a
    JOIN duplicate_block b ON b.key = a.key AND b.builder > a.builder
    WHERE a.key IN (SELECT key FROM duplicate_block GROUP BY key, most HAVING COUNT(*) BETWEEN 2 AND most)
    AND NOT EXISTS (SELECT 1 FROM builders_duplicatecandidate c WHERE c.first_id = a.builder
        AND c.second_id = b.builder)"""
_WAITING = """
    INSERT INTO duplicate_pair SELECT first_id, second_id FROM builders_duplicatecandidate WHERE state = 'open'"""
_NEXT = """SELECT first, second FROM duplicate_pair WHERE first > %s OR (first = %s AND second > %s)
    ORDER BY first, second LIMIT %s"""


def propose(builder_ids: Iterable[int] | None = None) -> int:
    """Write the pairs that may be one firm, and return how many are new. Again, it changes nothing.

    With `builder_ids` only pairs with one of these are looked at; all the same everybody is filed, which is most of the
    work: about half a minute for 100,000. What waits for a decision and is no pair any more is taken out.
    """
    chosen = None if builder_ids is None else set(builder_ids)
    if chosen is not None and not chosen:
        return 0
    with _tables():
        _file_all()
        shared = _shared_keys()
        _meet(chosen)
        return sum(_settle(pairs, shared) for pairs in _pages())


def propose_job() -> str:
    """Look through the whole directory. Return one line about it, for the list of jobs."""
    return f"{propose()} new pairs"


@transaction.atomic
def decide(*, actor: User | None, candidate: DuplicateCandidate, state: str) -> DuplicateCandidate:
    """Say what a pair is: two firms, branches of one, or open again. A merge is a thing of its own."""
    if not can_merge_builders(actor):
        raise ClientError("forbidden", "You may not decide on duplicates.")
    if state not in (State.DISTINCT, State.BRANCH, State.OPEN):
        raise ClientError("invalid", "A pair is two firms, branches of one, or open.", field="state")
    found = DuplicateCandidate.objects.select_for_update().filter(pk=candidate.pk).first()
    if found is None:
        raise NotFound("This pair is no longer proposed.")
    if found.state == State.MERGED:
        raise ClientError("conflict", "These two are merged. Take the merge back first.", field="state")
    if found.state != state:
        found.state, found.decided_by, found.decided_at = State(state), actor, timezone.now()
        found.save(update_fields=["state", "decided_by", "decided_at"])
        record("builders.pair.decided", actor=actor, target=str(found.pk), data={"state": state})
    return found


# --- filing --------------------------------------------------------------------------------------------------------


@contextmanager
def _tables() -> Iterator[None]:
    """Make the tables of one run. They belong to the connection, and go with it if the process dies."""
    statements = (
        "CREATE TEMP TABLE duplicate_block (key bigint, builder bigint, name bigint, most smallint, is_trace bool)",
        "CREATE TEMP TABLE duplicate_pair (first bigint, second bigint)",
    )
    try:
        _execute(*_DROPPED, *statements)
        yield
    finally:
        _execute(*_DROPPED)


_DROPPED = ("DROP TABLE IF EXISTS duplicate_block", "DROP TABLE IF EXISTS duplicate_pair")


def _file_all() -> None:
    after = 0
    sql = "SELECT id FROM builders_builder WHERE id > %s AND merged_into_id IS NULL ORDER BY id LIMIT %s"
    while ids := [pk for (pk,) in fetch(sql, [after, CHUNK])]:
        _insert_blocks([row for pk, traits in load_traits(ids).items() for row in _rows(pk, traits)])
        after = ids[-1]
    _execute("CREATE INDEX duplicate_block_key ON duplicate_block (key, builder)")
    if is_postgres():
        _execute("ANALYZE duplicate_block")


def _rows(builder: int, traits: Traits) -> Iterator[tuple[int, int, int, int, bool]]:
    name = _digest(traits.name)
    for key in block_keys(traits):
        yield _digest(key), builder, name, most_under(key), key.startswith(TRACES)


def _digest(text: str) -> int:
    """Return the text as a number of eight bytes. Two that fall together make a pair that is compared and no more."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), signed=True)


def _insert_blocks(rows: Sequence[tuple[int, int, int, int, bool]]) -> None:
    with connection.cursor() as cursor:
        if is_postgres():
            with cursor.copy("COPY duplicate_block FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            with transaction.atomic():
                cursor.executemany("INSERT INTO duplicate_block VALUES (%s, %s, %s, %s, %s)", rows)


def _shared_keys() -> set[int]:
    """Return telephones, domains and addresses that firms of many names have."""
    sql = "SELECT key FROM duplicate_block WHERE is_trace GROUP BY key HAVING COUNT(DISTINCT name) >= %s"
    return {key for (key,) in fetch(sql, [SHARED_BY_NAMES])}


def _meet(chosen: set[int] | None) -> None:
    within, parameters = "", []
    if chosen is not None:
        is_chosen = among("bigint", has_index=False)
        within = f" AND (a.builder {is_chosen} OR b.builder {is_chosen})"
        parameters = [listed(chosen), listed(chosen)]
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS + within, parameters)
        if chosen is None:
            cursor.execute(_WAITING)
        else:
            within = f" AND (first_id {is_chosen} OR second_id {is_chosen})"
            cursor.execute(_WAITING + within, parameters)
    _execute("CREATE INDEX duplicate_pair_order ON duplicate_pair (first, second)")


def _execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


# --- comparing -----------------------------------------------------------------------------------------------------


def _pages() -> Iterator[list[Pair]]:
    last = (0, 0)
    while pairs := [(row[0], row[1]) for row in fetch(_NEXT, [last[0], *last, CHUNK])]:
        yield pairs
        last = pairs[-1]


def _settle(pairs: list[Pair], shared: set[int]) -> int:
    """Compare the pairs and write what they are; return how many are new."""
    for attempt in range(_TRIES):
        traits = load_traits(set(chain.from_iterable(pairs)))
        keys = {key for each in traits.values() for key in block_keys(each) if _digest(key) in shared}
        found = {
            pair: judge(traits[pair[0]], traits[pair[1]], keys)
            for pair in pairs
            if pair[0] in traits and pair[1] in traits
        }
        try:
            return _write({pair: it for pair, it in found.items() if it.verdict is not Verdict.DISTINCT}, pairs)
        except IntegrityError:
            # A builder of these was deleted at this moment; the next look does not find it.
            if attempt == _TRIES - 1:
                raise
    return 0


@transaction.atomic
def _write(found: dict[Pair, Decision], pairs: list[Pair]) -> int:
    sql = f"""SELECT id, first_id, second_id, score FROM builders_duplicatecandidate
        WHERE state = 'open' AND first_id {among("bigint")}"""  # noqa: S608
    rows = fetch(sql, [listed({first for first, _ in pairs})])
    waiting = {(first, second): (pk, score) for pk, first, second, score in rows}
    gone = [waiting[pair][0] for pair in pairs if pair in waiting and pair not in found]
    DuplicateCandidate.objects.filter(pk__in=gone, state=State.OPEN).delete()
    for pair, decision in found.items():
        if pair in waiting and waiting[pair][1] != decision.score:
            row = DuplicateCandidate.objects.filter(pk=waiting[pair][0], state=State.OPEN)
            row.update(score=decision.score, reasons=decision.reasons)
    new = [
        DuplicateCandidate(first_id=pair[0], second_id=pair[1], score=decision.score, reasons=decision.reasons)
        for pair, decision in found.items()
        if pair not in waiting
    ]
    # Another run may be writing the same pairs.
    DuplicateCandidate.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)
