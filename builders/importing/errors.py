"""A file that is not read, and why."""

from __future__ import annotations


class FileRefused(Exception):
    """A file that cannot be read, or that must not be.

    `code` is one of those in docs/importing-files.md; `message` tells a person what is wrong and what to do. Nothing
    has been written when this is raised: files are read before anything is stored.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
