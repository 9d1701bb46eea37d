"""A firm takes over its own record: a code to an address at its domain, then the word of staff.

The code shows that the person reads mail at the firm, and staff decide; where a firm has no domain of its own, staff
decide by what the person tells them. One person owns a builder at a time.
"""

from __future__ import annotations

import datetime as dt
import enum
import secrets
from typing import NamedTuple

import msgspec
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import User
from builders.contact import email as clean_email
from builders.contact import registrable_domain
from builders.duplicates.blocks import SHARED_BY_NAMES
from builders.models import Builder, Claim
from builders.permissions import can_claim, can_decide_claims, is_owner
from builders.services.claim_mail import can_send_mail, send_after_commit
from builders.services.stored import Stored, load
from builders.services.writing import replace
from operations.activity import record
from operations.ratelimit import RateLimited, hit
from realtime.errors import ClientError, NotFound

State = Claim.State
DIGITS = 6
TRIES = 5
LIFETIME = dt.timedelta(minutes=10)
SHORTEST_STATEMENT = 20
LONGEST_STATEMENT = 2000
LONGEST_REASON = 300
CLAIMS_PER_PERSON = "5/hour"
# Of different people: otherwise one of them could keep the firm from all others, day after day.
PEOPLE_PER_BUILDER = "20/day"
# A fair's visitors may share one address.
CLAIMS_PER_ADDRESS = "30/hour"
CODES_PER_MAILBOX = "3/hour"
# With five tries for each code, and five codes an hour.
GUESSES_PER_PERSON = "25/hour"
_OPEN = (State.CODE_SENT, State.WAITING)


class Way(enum.Enum):
    """How a firm can be claimed, and why it cannot by a code."""

    CODE = "code"
    NO_DOMAIN = "no_domain"
    SHARED_DOMAIN = "shared_domain"
    NO_MAIL = "no_mail"


class CodeRefused(ClientError):
    """Wrong, too late, too often, never sent: whoever guesses is not told which."""

    def __init__(self) -> None:
        super().__init__("invalid", "This code is not right, or no longer valid.", field="code")


class _Locked(NamedTuple):
    builder: Stored
    claim: Claim


def way_of(builder: Builder) -> Way:
    """Return how the builder is claimed. Free mail, link pages and free hosts are nobody's own domain.

    Nor is that of an agency or a franchise: whoever reads mail there may belong to any of the firms.
    """
    if not can_send_mail():
        return Way.NO_MAIL
    if not builder.domain:
        return Way.NO_DOMAIN
    names = Builder.objects.filter(domain=builder.domain, merged_into=None).order_by().values("name_folded").distinct()
    return Way.SHARED_DOMAIN if len(names[:SHARED_BY_NAMES]) >= SHARED_BY_NAMES else Way.CODE


def start_claim(*, actor: User, builder: Builder, email: str = "", statement: str = "", address: str = "") -> Claim:
    """Ask for a builder: with `email` a code goes there, with a `statement` alone staff decide.

    `address` is the network address that attempts are counted under. The answer is the same whoever else has claimed
    the builder, and whether the mailbox gets one more code or has had its share.
    Raises `ClientError` `forbidden`, `invalid` with the field, `conflict` for a claim that waits, and `RateLimited`.
    """
    _require(can_claim(actor))
    mailbox = _own_mailbox(builder, email) if email else ""
    if not mailbox:
        _check_statement(statement)
    hit("claims_person", actor.uid, CLAIMS_PER_PERSON)
    hit("claims_address", address, CLAIMS_PER_ADDRESS)
    if not _has_claimed_today(actor, builder):
        hit("claims_builder", builder.uid, PEOPLE_PER_BUILDER)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}" if mailbox else ""
    with transaction.atomic():
        there = _lock(builder.pk)
        claim = _open_claim(actor, there)
        claim.email, claim.statement = mailbox, statement.strip()
        claim.state = State.CODE_SENT if mailbox else State.WAITING
        claim.code_hash = _hash(claim, code) if mailbox else ""
        claim.tries_left, claim.expires_at = TRIES, timezone.now() + LIFETIME if mailbox else None
        claim.save()
        if mailbox:
            _send_code(actor, there, claim, code)
        else:
            _mark_pending(there)
        record("builders.claim.started", actor=actor, target=there.uid, data={"by_code": bool(mailbox)})
    return claim


def confirm_code(*, actor: User, builder: Builder, code: str, address: str = "") -> Claim:
    """Show the code: the claim waits for staff then. Raises `CodeRefused` and `RateLimited`."""
    _require(can_claim(actor))
    hit("claim_codes_person", actor.uid, GUESSES_PER_PERSON)
    hit("claim_codes_address", address, CLAIMS_PER_ADDRESS)
    with transaction.atomic():
        claim = _confirmed(actor, builder.pk, code)
    # Outside: the try that was used up stays used up.
    if claim is None:
        raise CodeRefused
    return claim


@transaction.atomic
def approve(*, actor: User | None, claim: Claim, reason: str = "") -> Claim:
    """Make the person the owner. Raises `conflict` where somebody is already, or the claim does not wait."""
    _require(can_decide_claims(actor))
    there, held = _lock_both(claim, State.WAITING)
    if actor is not None and held.user_id == actor.pk:
        raise ClientError("forbidden", "Somebody else decides on your own claim.")
    if Claim.objects.filter(builder=there.id, state=State.APPROVED).exists():
        raise ClientError("conflict", "This builder has an owner. Withdraw that claim first.")
    _decided(held, State.APPROVED, actor, reason)
    _set_owner(there, held.user_id, Builder.ClaimState.CLAIMED)
    record("builders.claim.approved", actor=actor, target=there.uid, data={"owner": held.user.uid})
    _tell(held, there, "approved", reverse("builders:my_firm", args=[there.uid]))
    return held


@transaction.atomic
def reject(*, actor: User | None, claim: Claim, reason: str) -> Claim:
    """Refuse a claim. The person is told the reason."""
    _require(can_decide_claims(actor))
    there, held = _lock_both(claim, State.WAITING, even_inactive=True)
    _decided(held, State.REFUSED, actor, _given(reason))
    _set_owner(there, there.owner, _state_without_owner(there))
    record("builders.claim.refused", actor=actor, target=there.uid, data={"person": held.user.uid})
    _tell(held, there, "refused", reverse("builders:claim", args=[there.slug]))
    return held


@transaction.atomic
def withdraw(*, actor: User | None, claim: Claim, reason: str) -> Claim:
    """Take a builder away from its owner. What the owner wrote stays, and stays locked, until staff change it."""
    _require(can_decide_claims(actor))
    there, held = _lock_both(claim, State.APPROVED, even_inactive=True)
    _decided(held, State.WITHDRAWN, actor, _given(reason))
    _set_owner(there, None, _state_without_owner(there, is_leaving=True))
    record("builders.claim.withdrawn", actor=actor, target=there.uid, data={"owner": held.user.uid})
    _tell(held, there, "withdrawn", reverse("builders:claim", args=[there.slug]))
    return held


def expire_claims() -> str:
    """Close the claims whose code was never shown. Return one line about it, for the list of jobs."""
    late = Claim.objects.filter(state=State.CODE_SENT, expires_at__lt=timezone.now())
    return f"{late.update(state=State.EXPIRED, code_hash='')} expired"


# --- the code ------------------------------------------------------------------------------------------------------


def _own_mailbox(builder: Builder, text: str) -> str:
    if way_of(builder) is not Way.CODE:
        raise ClientError("invalid", "This firm cannot be claimed by a code. Tell staff who you are.", field="email")
    mailbox = clean_email(text)
    if mailbox is None:
        raise ClientError("invalid", "This is no e-mail address.", field="email")
    if registrable_domain(mailbox) != builder.domain:
        raise ClientError("invalid", f"The address has to be one at {builder.domain}.", field="email")
    return mailbox


def _has_claimed_today(actor: User, builder: Builder) -> bool:
    a_day_ago = timezone.now() - dt.timedelta(days=1)
    return Claim.objects.filter(builder=builder, user=actor, created_at__gt=a_day_ago).exists()


def _hash(claim: Claim, code: str) -> str:
    """Return what is kept of a code. With the server's key: a million codes are tried in a second by whoever has it."""
    return salted_hmac("builders.claim", f"{claim.uid}:{code}", algorithm="sha256").hexdigest()


def _digits(text: str) -> str:
    """Return the digits of what somebody typed, from any keyboard and with any spaces."""
    return "".join(str(int(character)) for character in text[:40] if character.isdecimal())


def _send_code(actor: User, there: Stored, claim: Claim, code: str) -> None:
    try:
        hit("claims_mailbox", claim.email, CODES_PER_MAILBOX)
    except RateLimited:
        # Said to nobody: otherwise one could find out which mailboxes others have asked for.
        return
    send_after_commit(
        "code",
        claim.email,
        code=code,
        person=actor.display_name,
        builder=there.record.name,
        minutes=int(LIFETIME.total_seconds() // 60),
        path=reverse("builders:claim", args=[there.slug]),
    )


def _confirmed(actor: User, builder: int, code: str) -> Claim | None:
    there = _lock(builder)
    claim = Claim.objects.select_for_update().filter(builder=builder, user=actor, state=State.CODE_SENT).first()
    if claim is None:
        return None
    is_in_time = claim.expires_at is not None and claim.expires_at > timezone.now()
    is_right = constant_time_compare(claim.code_hash, _hash(claim, _digits(code)))
    if is_right and is_in_time and claim.tries_left:
        claim.state, claim.code_hash, claim.email_proved_at = State.WAITING, "", timezone.now()
        claim.save(update_fields=["state", "code_hash", "email_proved_at"])
        _mark_pending(there)
        record("builders.claim.confirmed", actor=actor, target=there.uid)
        return claim
    claim.tries_left = max(0, claim.tries_left - 1)
    if not is_in_time or not claim.tries_left:
        claim.state, claim.code_hash = State.EXPIRED, ""
    claim.save(update_fields=["tries_left", "state", "code_hash"])
    return None


# --- rows ----------------------------------------------------------------------------------------------------------


def _lock(builder: int, *, even_inactive: bool = False) -> Stored:
    """Lock the builder, before any claim of it: all who write claims wait here, in one order."""
    found = load([builder], lock=True).get(builder)
    if found is None or found.merged_into is not None or not (found.is_active or even_inactive):
        raise NotFound("There is no such builder.")
    return found


def _lock_both(claim: Claim, state: str, *, even_inactive: bool = False) -> _Locked:
    there = _lock(claim.builder_id, even_inactive=even_inactive)
    held = Claim.objects.select_for_update().select_related("user").filter(pk=claim.pk, builder=there.id).first()
    if held is None or held.state != state:
        raise ClientError("conflict", "This claim was decided on meanwhile.")
    return _Locked(there, held)


def _open_claim(actor: User, there: Stored) -> Claim:
    """Return the claim of this person that waits for its code, or a new one."""
    if is_owner(actor, Builder.objects.get(pk=there.id)):
        raise ClientError("conflict", "You look after this firm already.")
    claim = Claim.objects.select_for_update().filter(builder=there.id, user=actor, state__in=_OPEN).first()
    if claim is None:
        return Claim(builder_id=there.id, user=actor)
    if claim.state == State.WAITING:
        raise ClientError("conflict", "Your claim waits for staff already.")
    return claim


def _mark_pending(there: Stored) -> None:
    if there.claim_state == Builder.ClaimState.UNCLAIMED:
        _set_owner(there, there.owner, Builder.ClaimState.PENDING)


def _state_without_owner(there: Stored, *, is_leaving: bool = False) -> str:
    if there.claim_state == Builder.ClaimState.CLAIMED and not is_leaving:
        return Builder.ClaimState.CLAIMED
    has_more = Claim.objects.filter(builder=there.id, state=State.WAITING).exists()
    return Builder.ClaimState.PENDING if has_more else Builder.ClaimState.UNCLAIMED


def _set_owner(there: Stored, owner: int | None, state: str) -> None:
    if (there.owner, there.claim_state) == (owner, state):
        return
    after = msgspec.structs.replace(
        there, owner=owner, claim_state=str(state), rev=there.rev + 1, updated_at=timezone.now()
    )
    replace([(there, after)])


def _decided(claim: Claim, state: State, actor: User | None, reason: str) -> None:
    claim.state, claim.decided_by, claim.decided_at = state, actor, timezone.now()
    claim.reason = reason.strip()[:LONGEST_REASON]
    claim.save(update_fields=["state", "decided_by", "decided_at", "reason"])


def _tell(claim: Claim, there: Stored, template: str, path: str) -> None:
    if claim.user.email:
        send_after_commit(template, claim.user.email, builder=there.record.name, reason=claim.reason, path=path)


def _check_statement(statement: str) -> None:
    if not SHORTEST_STATEMENT <= len(statement.strip()) <= LONGEST_STATEMENT:
        message = f"Tell staff in {SHORTEST_STATEMENT} to {LONGEST_STATEMENT} characters how you belong to the firm."
        raise ClientError("invalid", message, field="statement")


def _given(reason: str) -> str:
    if not reason.strip():
        raise ClientError("invalid", "The person is told a reason.", field="reason")
    return reason


def _require(is_allowed: bool) -> None:
    if not is_allowed:
        raise ClientError("forbidden", "You may not do that to a claim.")
