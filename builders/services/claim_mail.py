"""What claims say by e-mail: after the commit, and without stopping anything when no mail goes out."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)

# What settings fall back to without EMAIL_URL: what is "sent" there stands in the server's log.
_NO_MAIL = "django.core.mail.backends.console.EmailBackend"


def can_send_mail() -> bool:
    return settings.EMAIL_BACKEND != _NO_MAIL


def send_after_commit(template: str, to: str, **context: Any) -> None:
    """Send `templates/builders/mail/<template>.txt`, whose first line is the subject, once the transaction is through.

    A mail server that does not answer must not undo what was decided: the failure is logged.
    """
    text = render_to_string(f"builders/mail/{template}.txt", {"origin": settings.PUBLIC_ORIGIN, **context})
    subject, _, body = text.partition("\n")
    transaction.on_commit(partial(send_mail, subject.strip(), body.strip() + "\n", None, [to]), robust=True)
