"""The page on which a firm is claimed, as a browser without scripts gets it."""

from __future__ import annotations

import re

import pytest
from django.core import mail

from builders.models import Builder, Claim, FormerSlug
from builders.services.builders import create_builder, deactivate_builder
from builders.services.claiming import approve, confirm_code, reject, start_claim
from tests.rig import client_of, make_guest, make_member, make_staff, no_attempts_counted, statements

__all__ = ["no_attempts_counted"]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_attempts_counted"),
    pytest.mark.backend("sqlite"),
]


@pytest.fixture
def firm() -> Builder:
    values = {"name": "Adler <b>Standbau</b>", "website": "https://www.adler-standbau.de/"}
    return create_builder(actor=None, values=values)


def page_of(firm: Builder) -> str:
    return f"/builders/{firm.slug}/claim/"


def sent_code() -> str:
    return re.search(r"^ +(\d{6})$", mail.outbox[-1].body, re.MULTILINE)[1]


def test_stranger_and_guest_are_asked_to_sign_up_and_come_back(client, firm):
    for visitor in (client, client_of(make_guest())):
        page = visitor.get(page_of(firm))
        assert page.status_code == 200
        assert f"/accounts/signup/?next={page_of(firm)}" in page.text
        assert "<form" not in page.text.partition("<main")[2]
        answer = visitor.post(page_of(firm), {"email": "chef@adler-standbau.de"})
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/accounts/login/")
    assert not Claim.objects.exists()
    assert not mail.outbox


def test_member_claims_with_the_code(firm):
    member = make_member()
    visitor = client_of(member)
    assert "ends in adler-standbau.de" in visitor.get(page_of(firm)).text
    page = visitor.post(page_of(firm), {"email": "Chef@Adler-Standbau.de"}, follow=True)
    assert page.redirect_chain == [(page_of(firm), 302)]
    assert "chef@adler-standbau.de" in page.text
    assert 'autocomplete="one-time-code"' in page.text
    page = visitor.post(page_of(firm), {"code": sent_code()}, follow=True)
    assert "Staff look at your claim now" in page.text
    approve(actor=make_staff(), claim=Claim.objects.get())
    answer = visitor.get(page_of(firm))
    assert (answer.status_code, answer["Location"]) == (302, f"/my-firm/{firm.uid}/")


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        ({"email": "me@gmail.com"}, 422, "has to be one at adler-standbau.de"),
        ({"email": "nonsense"}, 422, "valid email address"),
        ({"email": ""}, 422, "required"),
        ({"statement": "short"}, 422, "at least 20 characters"),
        ({"code": "123456"}, 422, "not right, or no longer valid"),
        ({"code": ""}, 422, "required"),
        ({}, 422, "required"),
    ],
)
def test_refusals_stand_on_the_page(firm, data, status, words):
    page = client_of(make_member()).post(page_of(firm), data)
    assert page.status_code == status
    assert words in page.text
    assert "Adler &lt;b&gt;Standbau&lt;/b&gt;" in page.text


def test_wrong_codes_are_counted_down_to_a_new_start(firm):
    visitor = client_of(make_member())
    visitor.post(page_of(firm), {"email": "chef@adler-standbau.de"})
    wrong = f"{(int(sent_code()) + 1) % 10**6:06}"
    for _ in range(4):
        assert 'name="code"' in visitor.post(page_of(firm), {"code": wrong}).text
    page = visitor.post(page_of(firm), {"code": wrong})
    assert page.status_code == 422
    assert "not right, or no longer valid" in page.text
    assert 'name="code"' not in page.text
    assert 'name="email"' in page.text


def test_too_many_attempts_are_answered_429(firm):
    visitor = client_of(make_member())
    for _ in range(5):
        visitor.post(page_of(firm), {"email": "chef@adler-standbau.de"})
    page = visitor.post(page_of(firm), {"email": "chef@adler-standbau.de"})
    assert page.status_code == 429
    assert "Too many attempts" in page.text


def test_firm_without_domain_is_explained_and_asked_of_staff():
    firm = create_builder(actor=None, values={"name": "Adler", "website": "https://www.facebook.com/adler"})
    visitor = client_of(make_member())
    page = visitor.get(page_of(firm))
    assert "many firms share" in page.text
    assert 'name="email"' not in page.text
    page = visitor.post(page_of(firm), {"statement": "I am the managing director of Adler."}, follow=True)
    assert "Staff look at your claim now" in page.text


def test_shared_domain_is_explained(firm):
    for city in ("Berlin", "Hamburg", "Wien", "Paris"):
        create_builder(actor=None, values={"name": f"Adler {city}", "website": "https://adler-standbau.de/"})
    page = client_of(make_member()).get(page_of(firm))
    assert "Many firms share the website under adler-standbau.de" in page.text
    assert 'name="email"' not in page.text


def test_server_without_mail_says_so(firm, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    page = client_of(make_member()).get(page_of(firm))
    assert "sends no e-mail" in page.text
    assert 'name="email"' not in page.text


def test_refused_claim_shows_its_reason_and_a_taken_firm_says_so(firm):
    member = make_member()
    start_claim(actor=member, builder=firm, email="chef@adler-standbau.de")
    claim = confirm_code(actor=member, builder=firm, code=sent_code())
    reject(actor=None, claim=claim, reason="No such <i>person</i> there.")
    visitor = client_of(member)
    assert "No such &lt;i&gt;person&lt;/i&gt; there." in visitor.get(page_of(firm)).text
    Builder.objects.filter(pk=firm.pk).update(owner=make_member(), claim_state="claimed")
    assert "looks after this page already" in visitor.get(page_of(firm)).text


def test_unknown_hidden_and_renamed_firms(firm):
    visitor = client_of(make_member())
    FormerSlug.objects.create(slug="older", builder=firm)
    assert visitor.get("/builders/nobody/claim/").status_code == 404
    answer = visitor.get("/builders/older/claim/")
    assert (answer.status_code, answer["Location"]) == (301, page_of(firm))
    deactivate_builder(actor=None, builder=firm.pk)
    assert visitor.get(page_of(firm)).status_code == 404
    assert visitor.get("/builders/older/claim/").status_code == 404


def test_other_methods_and_forged_forms_are_refused(firm):
    member = make_member()
    assert client_of(member).put(page_of(firm)).status_code == 405
    strict = client_of(member, enforce_csrf_checks=True)
    assert strict.post(page_of(firm), {"email": "chef@adler-standbau.de"}).status_code == 403
    assert not Claim.objects.exists()


def test_page_is_kept_by_nobody_and_takes_few_statements(firm):
    visitor = client_of(make_member())
    assert "no-store" in visitor.get(page_of(firm))["Cache-Control"]
    assert statements(lambda: visitor.get(page_of(firm))) <= 6
