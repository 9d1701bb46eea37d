"""The routes of the directory, put together for `config.api`."""

from __future__ import annotations

from ninja import Router

from builders.api.directory import router as directory
from builders.api.imports import router as imports
from builders.api.staff import router as staff

router = Router()
router.add_router("", directory)
router.add_router("", staff)
router.add_router("", imports)
