"""What a server process does on the side: heartbeats and jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from django.utils import timezone

from operations import nodes
from operations.jobs import Job, run_due
from realtime.runtime import Runtime
from realtime.threads import OUTAGES, DatabaseThreads

logger = logging.getLogger(__name__)

_BEAT_SECONDS = 5.0
# Being listed for a while longer harms nobody; a stop that waits for a frozen database gets the process killed.
_GOODBYE_SECONDS = 1.0


class Background:
    """Runs beside a `Runtime`, in a thread of its own: a long job must not hold up the sockets' reads.

    `every_beat` runs in each process with every heartbeat; the jobs run in one process at a time.
    """

    def __init__(self, runtime: Runtime, jobs: Sequence[Job], every_beat: Callable[[], object]) -> None:
        self._runtime = runtime
        self._jobs = jobs
        self._every_beat = every_beat
        self._started_at = timezone.now()
        self._threads = DatabaseThreads("background", 1, patience=None)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="background")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._threads.run(nodes.say_goodbye, self._runtime.node)
        except (*OUTAGES, TimeoutError):
            logger.warning("background: the database does not answer, this server stays listed until it is swept")
        await self._threads.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._threads.run(self._work)
            except OUTAGES:
                logger.warning("background: the database does not answer")
            except Exception:
                logger.exception("background: a round failed")
            await asyncio.sleep(_BEAT_SECONDS)

    def _work(self) -> None:
        runtime = self._runtime
        nodes.beat(
            name=runtime.node,
            started_at=self._started_at,
            connections=len(runtime.hub.connections),
            spool_pending=sum(writer.pending for writer in runtime.writers.values()),
        )
        self._every_beat()
        run_due(self._jobs)
