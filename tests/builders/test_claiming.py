"""Claims: a code to the firm's own domain, the word of staff, and one owner at a time."""

from __future__ import annotations

import datetime as dt
import re

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from builders.models import Builder, Claim
from builders.services import claiming
from builders.services.builders import create_builder, deactivate_builder
from builders.services.claiming import (
    Way,
    approve,
    confirm_code,
    expire_claims,
    reject,
    start_claim,
    way_of,
    withdraw,
)
from operations.jobs import job_named, run_now
from operations.models import ActivityEvent
from realtime.errors import ClientError
from tests.builders.races import at_once
from tests.rig import make_guest, make_member, make_staff, no_attempts_counted

__all__ = ["no_attempts_counted"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_attempts_counted")]

# Rules that no database has a say in: once is enough.
rules = pytest.mark.backend("sqlite")

STATEMENT = "I am the managing director, see the trade register."


@pytest.fixture
def firm() -> Builder:
    return create_builder(actor=None, values={"name": "Adler Standbau", "website": "https://www.adler-standbau.de/"})


def code_in(message: mail.EmailMessage) -> str:
    return re.search(r"^ +(\d{6})$", message.body, re.MULTILINE)[1]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def asked(firm: Builder, member: User, email: str = "chef@adler-standbau.de") -> str:
    """Ask for a code and return it."""
    start_claim(actor=member, builder=firm, email=email)
    return code_in(mail.outbox[-1])


def waiting(firm: Builder, member: User | None = None) -> Claim:
    member = member or make_member()
    return confirm_code(actor=member, builder=firm, code=asked(firm, member))


def refused(call, *args, **kwargs) -> ClientError:
    with pytest.raises(ClientError) as error:
        call(*args, **kwargs)
    return error.value


def state_of(firm: Builder) -> tuple[str, int | None]:
    firm.refresh_from_db()
    return firm.claim_state, firm.owner_id


def test_code_and_approval_make_an_owner(firm):
    member, staff = make_member("Noor"), make_staff()
    code = asked(firm, member)
    assert mail.outbox[0].to == ["chef@adler-standbau.de"]
    assert mail.outbox[0].subject == f"Your code: {code}"
    assert "Noor" in mail.outbox[0].body
    assert f"/builders/{firm.slug}/claim/" in mail.outbox[0].body
    assert state_of(firm) == ("unclaimed", None)
    claim = confirm_code(actor=member, builder=firm, code=code)
    assert (claim.state, claim.code_hash) == ("waiting", "")
    assert claim.email_proved_at is not None
    assert state_of(firm) == ("pending", None)
    approve(actor=staff, claim=claim)
    assert state_of(firm) == ("claimed", member.pk)
    assert mail.outbox[1].to == [member.email]
    assert f"/my-firm/{firm.uid}/" in mail.outbox[1].body
    kinds = list(ActivityEvent.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds[-3:] == ["builders.claim.started", "builders.claim.confirmed", "builders.claim.approved"]
    assert code not in str(list(ActivityEvent.objects.values_list("data", flat=True)))


@rules
def test_code_is_kept_as_a_hash_of_this_claim(firm):
    code = asked(firm, make_member())
    claim = Claim.objects.get()
    assert code not in claim.code_hash
    assert len(claim.code_hash) == 64
    assert claiming._hash(Claim(uid="other"), code) != claim.code_hash


@rules
def test_code_is_read_as_people_type_it(firm):
    member = make_member()
    code = asked(firm, member)
    assert confirm_code(actor=member, builder=firm, code=f" {code[:3]}-{code[3:]} ").state == "waiting"


@rules
def test_code_is_read_in_other_digits(firm):
    member = make_member()
    arabic = asked(firm, member).translate({ord(str(digit)): 0x0660 + digit for digit in range(10)})
    assert confirm_code(actor=member, builder=firm, code=arabic).state == "waiting"


@rules
def test_address_at_a_subdomain_of_the_firm_will_do(firm):
    assert asked(firm, make_member(), "info@mail.adler-standbau.de")


@rules
@pytest.mark.parametrize(
    "email",
    [
        *("me@gmail.com", "chef@adler-standbau.de.evil.com", "chef@eviladler-standbau.de", "no address", "a@[1.2.3.4]"),
        # A Cyrillic letter; a second recipient in three ways.
        *("chef@\u0430dler-standbau.de", "a@evil.com,chef@adler-standbau.de", "chef@adler-standbau.de@evil.com"),
        "chef@adler-standbau.de\nBcc: a@evil.com",
    ],
)
def test_address_elsewhere_is_refused_and_gets_no_code(firm, email):
    error = refused(start_claim, actor=make_member(), builder=firm, email=email)
    assert (error.code, error.field) == ("invalid", "email")
    assert not mail.outbox
    assert not Claim.objects.exists()


@rules
@pytest.mark.parametrize("website", ["", "https://www.facebook.com/adler", "https://adler.wixsite.com/stand"])
def test_firm_without_domain_goes_to_staff(website):
    firm = create_builder(actor=None, values={"name": "Adler", "website": website or None})
    member = make_member()
    assert way_of(firm) is Way.NO_DOMAIN
    assert refused(start_claim, actor=member, builder=firm, email="a@facebook.com").field == "email"
    assert refused(start_claim, actor=member, builder=firm, statement="short").field == "statement"
    claim = start_claim(actor=member, builder=firm, statement=STATEMENT)
    assert (claim.state, claim.statement, claim.email_proved_at) == ("waiting", STATEMENT, None)
    assert state_of(firm) == ("pending", None)
    approve(actor=make_staff(), claim=claim)
    assert state_of(firm) == ("claimed", member.pk)


@rules
def test_domain_of_a_franchise_proves_nothing(firm):
    for city in ("Berlin", "Hamburg", "Wien"):
        create_builder(actor=None, values={"name": f"Adler {city}", "website": "https://adler-standbau.de/"})
    assert way_of(firm) is Way.CODE
    create_builder(actor=None, values={"name": "Adler Paris", "website": "https://adler-standbau.de/"})
    assert way_of(firm) is Way.SHARED_DOMAIN
    assert refused(start_claim, actor=make_member(), builder=firm, email="chef@adler-standbau.de").field == "email"


@rules
def test_server_without_mail_sends_everybody_to_staff(firm, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert way_of(firm) is Way.NO_MAIL
    assert refused(start_claim, actor=make_member(), builder=firm, email="chef@adler-standbau.de").field == "email"


@rules
def test_guests_and_disabled_members_do_not_claim(firm):
    guest, member = make_guest(), make_member()
    User.objects.filter(pk=member.pk).update(is_active=False)
    member.refresh_from_db()
    for person in (guest, member):
        assert refused(start_claim, actor=person, builder=firm, statement=STATEMENT).code == "forbidden"
        assert refused(confirm_code, actor=person, builder=firm, code="123456").code == "forbidden"


def test_five_wrong_codes_end_it_even_for_the_right_one(firm):
    member = make_member()
    code = asked(firm, member)
    messages = {refused(confirm_code, actor=member, builder=firm, code=wrong(code)).message for _ in range(4)}
    assert Claim.objects.get().tries_left == 1
    messages.add(refused(confirm_code, actor=member, builder=firm, code="").message)
    assert (Claim.objects.get().state, Claim.objects.get().code_hash) == ("expired", "")
    messages.add(refused(confirm_code, actor=member, builder=firm, code=code).message)
    assert messages == {"This code is not right, or no longer valid."}


@rules
def test_fourth_wrong_code_still_leaves_the_right_one(firm):
    member = make_member()
    code = asked(firm, member)
    for _ in range(4):
        refused(confirm_code, actor=member, builder=firm, code=wrong(code))
    assert confirm_code(actor=member, builder=firm, code=code).state == "waiting"


@rules
def test_code_is_valid_for_ten_minutes(firm):
    member = make_member()
    code = asked(firm, member)
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=9, seconds=59), tick=False):
        assert refused(confirm_code, actor=member, builder=firm, code=wrong(code))
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=10, seconds=1), tick=False):
        assert refused(confirm_code, actor=member, builder=firm, code=code).field == "code"
    assert Claim.objects.get().state == "expired"


@rules
def test_new_code_replaces_the_old_one(firm):
    member = make_member()
    old = asked(firm, member)
    refused(confirm_code, actor=member, builder=firm, code=wrong(old))
    new = asked(firm, member)
    assert Claim.objects.get().tries_left == 5
    if old != new:
        assert refused(confirm_code, actor=member, builder=firm, code=old)
    assert confirm_code(actor=member, builder=firm, code=new).state == "waiting"


@rules
def test_code_of_one_is_none_of_another(firm):
    first, second = make_member(), make_member()
    code = asked(firm, first)
    asked(firm, second)
    if code_in(mail.outbox[-1]) != code:
        assert refused(confirm_code, actor=second, builder=firm, code=code).field == "code"
    assert refused(confirm_code, actor=make_member(), builder=firm, code=code).field == "code"


def test_job_closes_claims_that_nobody_confirmed(firm):
    asked(firm, make_member())
    waiting(firm)
    assert expire_claims() == "0 expired"
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=11)):
        assert run_now(job_named("builders.claims")).result == "1 expired"
    assert sorted(Claim.objects.values_list("state", flat=True)) == ["expired", "waiting"]


@rules
def test_answer_is_the_same_whoever_has_claimed_before(firm):
    approve(actor=make_staff(), claim=waiting(firm))
    waiting(firm)
    before = len(mail.outbox)
    claim = start_claim(actor=make_member(), builder=firm, email="info@adler-standbau.de")
    assert (claim.state, len(mail.outbox)) == ("code_sent", before + 1)


@rules
def test_waiting_claim_is_not_asked_for_again(firm):
    member = make_member()
    waiting(firm, member)
    assert refused(start_claim, actor=member, builder=firm, email="chef@adler-standbau.de").code == "conflict"
    assert refused(start_claim, actor=member, builder=firm, statement=STATEMENT).code == "conflict"


@rules
def test_owner_has_nothing_to_claim(firm):
    member = make_member()
    approve(actor=make_staff(), claim=waiting(firm, member))
    assert refused(start_claim, actor=member, builder=firm, email="chef@adler-standbau.de").code == "conflict"


@rules
def test_builder_that_is_not_listed_is_not_claimed(firm):
    deactivate_builder(actor=None, builder=firm.pk)
    assert refused(start_claim, actor=make_member(), builder=firm, statement=STATEMENT).code == "not_found"


# --- limits --------------------------------------------------------------------------------------------------------


@rules
def test_person_asks_for_five_codes_an_hour(firm):
    member = make_member()
    for number in range(5):
        start_claim(actor=member, builder=firm, email=f"a{number}@adler-standbau.de")
    error = refused(start_claim, actor=member, builder=firm, email="b@adler-standbau.de")
    assert error.code == "rate_limited"
    assert error.retry_after_ms > 0


@rules
def test_builder_and_network_address_have_limits_of_their_own(firm, monkeypatch):
    other = create_builder(actor=None, values={"name": "Falke", "website": "https://falke-stand.de/"})
    monkeypatch.setattr(claiming, "PEOPLE_PER_BUILDER", "2/day")
    monkeypatch.setattr(claiming, "CLAIMS_PER_ADDRESS", "3/hour")
    people = [make_member(), make_member()]
    for number, member in enumerate(people):
        start_claim(actor=member, builder=firm, email=f"a{number}@adler-standbau.de", address="10.0.0.1")
    start_claim(actor=people[0], builder=firm, email="once-more@adler-standbau.de", address="10.0.0.2")
    claim = {"builder": firm, "email": "c@adler-standbau.de", "address": "10.0.0.2"}
    assert refused(start_claim, actor=make_member(), **claim).code == "rate_limited"
    claim = {"builder": other, "email": "c@falke-stand.de", "address": "10.0.0.1"}
    start_claim(actor=make_member(), **claim)
    assert refused(start_claim, actor=make_member(), **claim).code == "rate_limited"


@rules
def test_mailbox_that_had_its_share_gets_no_more_and_nobody_is_told(firm):
    for number in range(4):
        claim = start_claim(
            actor=make_member(), builder=firm, email="chef@adler-standbau.de", address=f"10.0.0.{number}"
        )
        assert claim.state == "code_sent"
    assert len(mail.outbox) == 3


@rules
def test_guesses_are_limited_over_many_claims(firm, monkeypatch):
    monkeypatch.setattr(claiming, "GUESSES_PER_PERSON", "6/hour")
    member = make_member()
    code = asked(firm, member)
    for _ in range(5):
        refused(confirm_code, actor=member, builder=firm, code=wrong(code))
    code = asked(firm, member)
    refused(confirm_code, actor=member, builder=firm, code=wrong(code))
    assert refused(confirm_code, actor=member, builder=firm, code=code).code == "rate_limited"


# --- staff ---------------------------------------------------------------------------------------------------------


@rules
def test_refusal_tells_the_person_why_and_lets_them_ask_again(firm):
    member = make_member()
    claim = waiting(firm, member)
    assert refused(reject, actor=make_staff(), claim=claim, reason="  ").field == "reason"
    reject(actor=make_staff(), claim=claim, reason="No such person there.")
    assert state_of(firm) == ("unclaimed", None)
    assert mail.outbox[-1].to == [member.email]
    assert "No such person there." in mail.outbox[-1].body
    assert waiting(firm, member).state == "waiting"


def test_withdrawn_owner_loses_the_firm_and_another_may_have_it(firm):
    member, other = make_member(), make_member()
    claim = approve(actor=make_staff(), claim=waiting(firm, member))
    second = waiting(firm, other)
    error = refused(approve, actor=make_staff(), claim=second)
    assert error.code == "conflict"
    withdraw(actor=make_staff(), claim=claim, reason="Left the firm.")
    assert state_of(firm) == ("pending", None)
    approve(actor=make_staff(), claim=second)
    assert state_of(firm) == ("claimed", other.pk)
    assert any("Left the firm." in message.body for message in mail.outbox)


@rules
def test_refused_rival_does_not_take_the_firm_from_its_owner(firm):
    member = make_member()
    approve(actor=make_staff(), claim=waiting(firm, member))
    reject(actor=make_staff(), claim=waiting(firm), reason="Taken.")
    assert state_of(firm) == ("claimed", member.pk)


def test_claim_of_a_builder_that_left_the_directory_can_be_withdrawn(firm):
    claim = approve(actor=None, claim=waiting(firm))
    deactivate_builder(actor=None, builder=firm.pk)
    assert withdraw(actor=None, claim=claim, reason="Closed.").state == "withdrawn"


@rules
def test_claim_that_waits_for_a_builder_that_left_the_directory_can_be_refused(firm):
    claim = waiting(firm)
    deactivate_builder(actor=None, builder=firm.pk)
    assert refused(approve, actor=None, claim=claim).code == "not_found"
    assert reject(actor=None, claim=claim, reason="Closed.").state == "refused"


@rules
def test_decisions_need_the_right_to(firm):
    claim = waiting(firm)
    for actor in (make_member(), User.objects.create_user("s@example.org", display_name="Staff", is_staff=True)):
        for decide in (approve, reject, withdraw):
            assert refused(decide, actor=actor, claim=claim, reason="x").code == "forbidden"


@rules
def test_nobody_approves_their_own_claim(firm):
    staff = make_staff()
    claim = waiting(firm, staff)
    assert refused(approve, actor=staff, claim=claim).code == "forbidden"
    approve(actor=make_staff(), claim=claim)


@rules
@pytest.mark.parametrize("decide", [approve, reject, withdraw])
def test_claim_is_decided_once(firm, decide):
    claim = waiting(firm)
    if decide is withdraw:
        reject(actor=None, claim=claim, reason="x")
    else:
        approve(actor=None, claim=claim)
    assert refused(decide, actor=None, claim=claim, reason="x").code == "conflict"


def test_database_holds_one_owner_and_one_open_claim_of_a_person(firm):
    first, second = make_member(), make_member()
    Claim.objects.create(builder=firm, user=first, state="approved")
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.create(builder=firm, user=second, state="approved")
    Claim.objects.create(builder=firm, user=second, state="waiting")
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.create(builder=firm, user=second, state="code_sent")


# --- races ---------------------------------------------------------------------------------------------------------


def test_two_claims_approved_at_once_make_one_owner(firm):
    claims, staff = [waiting(firm) for _ in range(3)], make_staff()
    results = at_once(*[lambda claim=claim: approve(actor=staff, claim=claim) for claim in claims])
    [won] = [result for result in results if isinstance(result, Claim)]
    assert {result.code for result in results if isinstance(result, ClientError)} == {"conflict"}
    assert state_of(firm) == ("claimed", won.user_id)
    assert Claim.objects.filter(state="approved").count() == 1


def test_guesses_at_once_cost_a_try_each(firm):
    member = make_member()
    code = asked(firm, member)
    results = at_once(*[lambda: confirm_code(actor=member, builder=firm, code=wrong(code))] * 4)
    assert all(isinstance(result, ClientError) for result in results)
    assert Claim.objects.get().tries_left == 1


def test_one_person_who_asks_twice_at_once_has_one_claim(firm):
    member = make_member()
    at_once(*[lambda: start_claim(actor=member, builder=firm, email="chef@adler-standbau.de")] * 3)
    assert Claim.objects.filter(state="code_sent").count() == 1
    assert confirm_code(actor=member, builder=firm, code=code_in(mail.outbox[-1]))
