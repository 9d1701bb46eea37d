"""People: members, staff and guests are rows of one table."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q
from django.utils import timezone

from realtime.ids import new_uid


class UserManager(BaseUserManager["User"]):
    """Creates accounts with a normalised e-mail address; guests come from `accounts.services.create_guest`."""

    use_in_migrations = True

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        if not email:
            raise ValueError("A member needs an e-mail address.")
        fields.setdefault("display_name", email.partition("@")[0][:40].ljust(2, "_"))
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})


class User(AbstractBaseUser, PermissionsMixin):
    """A person. A guest has no e-mail address and no usable password; signing up keeps the row."""

    uid = models.CharField(max_length=16, unique=True, default=new_uid, editable=False)
    display_name = models.CharField(max_length=40)
    # NULL, not "", for guests: a unique column may hold NULL any number of times.
    email = models.EmailField(unique=True, null=True, blank=True)
    is_guest = models.BooleanField(default=False)
    is_staff = models.BooleanField("may use the admin site", default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["display_name"]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(is_guest=False) | Q(is_staff=False, is_superuser=False), name="guests_are_not_staff"
            ),
            models.CheckConstraint(condition=Q(email__isnull=True) | ~Q(email=""), name="email_is_null_not_empty"),
        ]
        indexes: ClassVar = [models.Index(fields=["is_guest", "date_joined"])]

    def __str__(self) -> str:
        return self.display_name

    def get_short_name(self) -> str:
        return self.display_name


class Session(AbstractBaseSession):
    """A log-in. The user stands in a column of its own, so that all sessions of one person can be found and ended."""

    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sessions")

    @classmethod
    def get_session_store_class(cls) -> type:
        from accounts.sessions import SessionStore

        return SessionStore
