"""Claims in the admin site: who waits, what speaks for them, and the word of staff."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from builders.models import Builder, Claim
from tests.builders.admin.staff import builder, client_with, messages_of
from tests.rig import client_of, make_guest, make_member, make_staff, statements

pytestmark = pytest.mark.django_db
LIST = "/admin/builders/claim/"
STATEMENT = "I am the managing director, see the trade register."


@pytest.fixture
def boss(db) -> Client:
    return client_of(make_staff())


@pytest.fixture
def claim(db) -> Claim:
    return waiting("Adler Standbau")


def waiting(name: str, **fields: Any) -> Claim:
    row = builder(name, website="https://www.adler-standbau.de/")
    Builder.objects.filter(pk=row.pk).update(claim_state="pending")
    values = {"state": "waiting", "email": "chef@adler-standbau.de", "email_proved_at": timezone.now()}
    return Claim.objects.create(builder=row, user=make_member("Noor"), statement=STATEMENT, **{**values, **fields})


def url(claim: Claim) -> str:
    return f"{LIST}{claim.pk}/change/"


def test_pages_take_the_right_to_decide(claim: Claim) -> None:
    for client, status in ((Client(), 302), (client_of(make_guest()), 302), (client_with("change_builder"), 403)):
        assert [client.get(page).status_code for page in (LIST, url(claim))] == [status] * 2
        assert client.post(url(claim), {"act": "approve"}).status_code == status
    claim.refresh_from_db()
    assert claim.state == "waiting"
    assert client_with("decide_claims").get(url(claim)).status_code == 200
    assert client_with("decide_claims").get(f"{LIST}x/change/").status_code == 404


def test_queue_shows_who_waits(boss: Client, claim: Claim) -> None:
    decided = waiting("Other", state="refused")
    html = boss.get(LIST).content.decode()
    assert "Adler Standbau" in html
    assert "chef@adler-standbau.de, proved" in html
    assert list(boss.get(LIST).context["cl"].queryset) == [claim]
    assert list(boss.get(LIST, {"state": "refused"}).context["cl"].queryset) == [decided]


def test_queue_takes_as_many_statements_whatever_its_length(boss: Client, claim: Claim) -> None:
    one = statements(lambda: boss.get(LIST))
    for number in range(3):
        waiting(f"Firm {number}")
    assert statements(lambda: boss.get(LIST)) == one


def test_claim_is_approved_and_the_person_told(
    boss: Client, claim: Claim, django_capture_on_commit_callbacks: Any
) -> None:
    page = boss.get(url(claim)).content.decode()
    for said in (STATEMENT, "chef@adler-standbau.de", "the code came back on", "Make Noor the owner"):
        assert said in page
    with django_capture_on_commit_callbacks(execute=True):
        response = boss.post(url(claim), {"act": "approve"}, follow=True)
    assert messages_of(response) == ["Noor is the owner now: Adler Standbau."]
    row = Builder.objects.get()
    assert (row.claim_state, row.owner) == ("claimed", claim.user)
    assert claim.user.email in [address for message in mail.outbox for address in message.to]
    assert b"Withdraw: nobody owns it then" in boss.get(url(claim)).content


def test_claim_is_refused_with_a_reason(boss: Client, claim: Claim) -> None:
    answer = boss.post(url(claim), {"act": "reject", "reason": " "})
    assert "The person is told a reason." in answer.content.decode()
    response = boss.post(url(claim), {"act": "reject", "reason": "Not in the register."}, follow=True)
    assert messages_of(response) == ["The claim of Noor is refused: Adler Standbau."]
    claim.refresh_from_db()
    assert (claim.state, claim.reason, Builder.objects.get().claim_state) == (
        "refused",
        "Not in the register.",
        "unclaimed",
    )
    assert "Not in the register." in boss.get(url(claim)).content.decode()


def test_owner_is_withdrawn(boss: Client, claim: Claim) -> None:
    boss.post(url(claim), {"act": "approve"})
    boss.post(url(claim), {"act": "withdraw", "reason": "Sold the firm."})
    assert Builder.objects.get().owner is None


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    ("act", "said"),
    [("burn", "Choose what becomes of the claim."), ("", "Choose what becomes"), ("withdraw", "claim")],
)
def test_act_out_of_turn_changes_nothing(boss: Client, claim: Claim, act: str, said: str) -> None:
    response = boss.post(url(claim), {"act": act, "reason": "x"})
    assert said in response.content.decode()
    claim.refresh_from_db()
    assert claim.state == "waiting"


@pytest.mark.backend("sqlite")
def test_what_the_person_says_is_shown_as_text(boss: Client) -> None:
    script = "<script>alert(1)</script>"
    claim = waiting(script)
    Claim.objects.update(statement=script, email=script)
    for page in (LIST, url(claim)):
        html = boss.get(page).content.decode()
        assert script not in html
        assert "&lt;script&gt;" in html
