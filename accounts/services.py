"""Every write about people: who comes in, who they are called, and whose sessions end."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, login
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.addresses import client_address
from accounts.models import Session, User
from accounts.names import clean_display_name
from accounts.permissions import can_disable, can_end_sessions, can_manage
from operations import activity
from operations.ratelimit import hit
from realtime.errors import ClientError

# A whole festival may stand behind one address, so this only stops machines: two arrivals a second, for a minute.
GUESTS_PER_ADDRESS = "120/minute"
RENAMES_PER_PERSON = "10/minute"


class Forbidden(ClientError):
    def __init__(self, message: str = "You may not do this.") -> None:
        super().__init__("forbidden", message)


class EmailTaken(ClientError):
    def __init__(self) -> None:
        super().__init__("conflict", "This e-mail address cannot be used for a new account.", field="email")


class AlreadyRegistered(ClientError):
    """Two sign-ups of one guest ran at once, and the other one won."""

    def __init__(self) -> None:
        super().__init__("conflict", "This guest has just been signed up. Log in instead.")


def create_guest(*, display_name: str) -> User:
    """Make a guest called `display_name`. Raises `NameRefused`."""
    guest = User(display_name=clean_display_name(display_name), is_guest=True)
    guest.set_unusable_password()
    with transaction.atomic():
        guest.save(force_insert=True)
        activity.record("accounts.guest.created", actor=guest, target=guest.uid)
    return guest


def sign_in_guest(request: HttpRequest, display_name: str) -> tuple[User, bool]:
    """Return the person of this session and whether a guest was made for it.

    A session that belongs to a guest keeps that guest, renamed if the name differs; one that belongs to a member
    keeps the member, untouched. Raises `NameRefused` and `RateLimited`.
    """
    if request.user.is_authenticated:
        user: User = request.user
        return (rename(user=user, display_name=display_name) if user.is_guest else user), False
    # Checked before the limit: a mistyped name must not use up the attempts of everybody at this address.
    clean_display_name(display_name)
    hit("guests", client_address(request), GUESTS_PER_ADDRESS)
    guest = create_guest(display_name=display_name)
    login(request, guest, backend=settings.AUTHENTICATION_BACKENDS[0])
    return guest, True


def rename(*, user: User, display_name: str, actor: User | None = None) -> User:
    """Call `user` by another name; the same name again changes nothing. Without `actor` it is the own name.

    Raises `Forbidden`, `NameRefused` and `RateLimited`.
    """
    if actor is not None and not can_manage(actor, user):
        raise Forbidden
    name = clean_display_name(display_name, is_staff=user.is_staff)
    if name == user.display_name:
        return user
    if actor is None:
        hit("renames", user.uid, RENAMES_PER_PERSON)
    old_name, user.display_name = user.display_name, name
    with transaction.atomic():
        user.save(update_fields=["display_name"])
        data = {"from": old_name, "to": name}
        activity.record("accounts.user.renamed", actor=actor or user, target=user.uid, data=data)
    return user


def register_member(
    *, email: str, password: str, display_name: str, guest: User | None = None, actor: User | None = None
) -> User:
    """Make a member; with `guest` that row becomes the member and keeps its uid, memberships and messages.

    `actor` is the person of staff who does it for somebody else.
    Raises `Forbidden`, `NameRefused`, `EmailTaken` and `AlreadyRegistered`.
    """
    if actor is not None and not (actor.is_staff and actor.has_perm("accounts.add_user")):
        raise Forbidden
    member = User(display_name=clean_display_name(display_name), email=email.strip().lower())
    # Before the transaction: hashing takes tens of milliseconds, and SQLite lets one writer in at a time.
    member.password = make_password(password)
    try:
        with transaction.atomic():
            if guest is not None:
                member = _converted(guest, member)
            member.save()
            data = {"was_guest": guest is not None}
            activity.record("accounts.member.registered", actor=actor or member, target=member.uid, data=data)
    except IntegrityError as error:
        # The unique column decides: between any look-up and the insert somebody else may take the address.
        raise EmailTaken from error
    return member


def _converted(guest: User, member: User) -> User:
    # Locked, so that of two sign-ups of one guest the second sees that the row is no guest any more.
    row = User.objects.select_for_update().get(pk=guest.pk)
    if not row.is_guest:
        raise AlreadyRegistered
    if not row.is_active:
        raise Forbidden
    row.is_guest = False
    row.display_name, row.email, row.password = member.display_name, member.email, member.password
    return row


def keep_signed_in(session: SessionBase, user: User) -> None:
    """Leave `session` logged in as `user` although the password, and with it the session's hash, has changed."""
    session.cycle_key()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()


def forget_guest(session: SessionBase) -> None:
    """Take the guest out of `session` before somebody else logs in on it.

    Django would otherwise flush the session when the person changes, and with it the record of how the new
    person has just proved who they are. The session's key still changes at log-in, which ends the guest's sockets.
    """
    for key in (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY):
        session.pop(key, None)


def set_password(*, user: User, password: str, keep: str | None = None, actor: User | None = None) -> None:
    """Change the password and end the person's sessions, except the one with the key `keep`.

    Without `actor` the person does it, who has already shown the old password or the reset link. Raises `Forbidden`.
    """
    if actor is not None and (user.is_guest or not can_manage(actor, user)):
        raise Forbidden
    user.password = make_password(password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        ended = _delete_sessions(user, keep=keep)
        data = {"sessions_ended": ended}
        activity.record("accounts.password.changed", actor=actor or user, target=user.uid, data=data)


def end_sessions(*, user: User, actor: User | None = None, keep: str | None = None) -> int:
    """Log `user` out everywhere, except in the session with the key `keep`; return how many sessions ended.

    `actor` is None when the system itself does it. Raises `Forbidden`.
    """
    if actor is not None and not can_end_sessions(actor, user):
        raise Forbidden
    with transaction.atomic():
        ended = _delete_sessions(user, keep=keep)
        activity.record("accounts.sessions.ended", actor=actor, target=user.uid, data={"count": ended})
    return ended


def end_session(*, key: str, actor: User) -> None:
    """Log one session out. One that is gone already is no error. Raises `Forbidden`."""
    session = Session.objects.select_related("user").filter(session_key=key).first()
    if session is None:
        return
    if not (can_end_sessions(actor, session.user) if session.user else actor.is_superuser):
        raise Forbidden
    with transaction.atomic():
        session.delete()
        target = session.user.uid if session.user else ""
        activity.record("accounts.sessions.ended", actor=actor, target=target, data={"count": 1})


def _delete_sessions(user: User, *, keep: str | None) -> int:
    # The rows are what HTTP requests and the sockets' periodic check look at: without them the person is out.
    sessions = Session.objects.filter(user=user)
    if keep is not None:
        sessions = sessions.exclude(session_key=keep)
    return sessions.delete()[0]


def disable_user(*, actor: User, user: User) -> None:
    """Keep `user` out: no log-in, no session, no socket. Disabling twice is no error. Raises `Forbidden`."""
    if not can_disable(actor, user):
        raise Forbidden
    with transaction.atomic():
        # The condition makes two who press at once leave one entry in the log.
        if not User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
            return
        ended = _delete_sessions(user, keep=None)
        activity.record("accounts.user.disabled", actor=actor, target=user.uid, data={"sessions_ended": ended})
    user.is_active = False


def enable_user(*, actor: User, user: User) -> None:
    """Let a disabled `user` log in again. Enabling twice is no error. Raises `Forbidden`."""
    if not can_manage(actor, user):
        raise Forbidden
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
            return
        activity.record("accounts.user.enabled", actor=actor, target=user.uid)
    user.is_active = True


def change_email(*, actor: User, user: User, email: str) -> None:
    """Put another e-mail address in place of a member's, unverified. Raises `Forbidden` and `EmailTaken`."""
    if not can_manage(actor, user) or user.is_guest:
        raise Forbidden
    address = email.strip().lower()
    try:
        with transaction.atomic():
            user.email = address
            user.save(update_fields=["email"])
            # The old addresses go: whoever reads them could otherwise still ask for a new password.
            EmailAddress.objects.filter(user=user).delete()
            EmailAddress.objects.create(user=user, email=address, primary=True, verified=False)
            activity.record("accounts.email.changed", actor=actor, target=user.uid)
    except IntegrityError as error:
        raise EmailTaken from error


def set_rights(*, actor: User, user: User, is_staff: bool, is_superuser: bool) -> None:
    """Say whether `user` may enter the admin site, and with every right there. Only superusers may. Raises `Forbidden`.

    Nobody changes their own: the last superuser would be locked out.
    """
    if not actor.is_superuser or not can_manage(actor, user) or actor.pk == user.pk or user.is_guest:
        raise Forbidden
    user.is_staff, user.is_superuser = is_staff or is_superuser, is_superuser
    with transaction.atomic():
        user.save(update_fields=["is_staff", "is_superuser"])
        data = {"is_staff": user.is_staff, "is_superuser": user.is_superuser}
        activity.record("accounts.rights.changed", actor=actor, target=user.uid, data=data)


def remove_second_factor(*, actor: User, user: User) -> bool:
    """Let a member who lost the phone log in with the password alone; tell whether there was a second factor.

    The person's sessions end. Only superusers may: it takes away half of a log-in. Raises `Forbidden`.
    """
    if not actor.is_superuser or not can_manage(actor, user):
        raise Forbidden
    with transaction.atomic():
        removed, _ = Authenticator.objects.filter(user=user).delete()
        if not removed:
            return False
        _delete_sessions(user, keep=None)
        activity.record("accounts.second_factor.removed", actor=actor, target=user.uid)
    return True
