"""E-mail addresses, web addresses and telephone numbers in one form each, or not at all."""

from __future__ import annotations

import ipaddress
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email

from builders.phones import phone

if TYPE_CHECKING:
    from tldextract import TLDExtract

__all__ = ["email", "is_shared_domain", "phone", "registrable_domain", "url"]

_PLAIN_EMAIL = re.compile(
    r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}", re.ASCII
)
_LONGEST_EMAIL = 254
_LONGEST_LOCAL_PART = 64
# With a name before it and a subject behind.
_LONGEST_MENTION = 1000
# Endings that are reserved for no use at all; the validator knows them, too.
_RESERVED_ENDINGS = frozenset({"arpa", "invalid", "local", "localhost", "onion", "test"})
_AROUND_EMAIL = re.compile(r"^(?:mailto:)?\s*(?:[^<>@]*<)?([^<>\s?]+@[^<>\s?]+?)[>.,;]*(?:\?.*)?$", re.IGNORECASE)


def email(text: str) -> str | None:
    """Return an address in lower case, or None where it is none. Nobody is asked whether it takes mail.

    >>> email("Info@Firma.DE"), email("mailto:info@firma.de"), email("info at firma.de")
    ('info@firma.de', 'info@firma.de', None)
    """
    if len(text) > _LONGEST_MENTION:
        return None
    address = text.strip().lower()
    if _PLAIN_EMAIL.fullmatch(address):
        if len(address) <= _LONGEST_EMAIL and address.index("@") <= _LONGEST_LOCAL_PART:
            return address if address.rpartition(".")[2] not in _RESERVED_ENDINGS else None
        return None
    match = _AROUND_EMAIL.match(address)
    if match is None:
        return None
    try:
        return validate_email(match[1], check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None


_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_HOST = re.compile(r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]{0,61}[^\W_]\.?")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\\<>\"`{}|^]")
_HOST_WITH_PORT = re.compile(r"[^\s/:]+\.[^\s/:]+:\d+(?:/|$)")
_LONGEST_URL = 500
# An address that taking apart and putting together again would not change: most of them, in a tenth of the time.
_PLAIN_URL = re.compile(
    r"(https?://)?((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24})((?:/[A-Za-z0-9._~%+-]*)*)"
)


def url(text: str) -> str | None:
    """Return an absolute address of the web, or None: of http and https alone, without a name and password in it.

    What has no scheme gets https. The host is lower case; all else stays as it is.

    >>> url("WWW.Firma.de/Messe"), url("javascript:alert(1)"), url("https://a:b@firma.de")
    ('https://www.firma.de/Messe', None, None)
    """
    address = text.strip()
    if len(address) > _LONGEST_URL:
        return None
    if (plain := _PLAIN_URL.fullmatch(address)) and len(address) + len("https://") <= _LONGEST_URL:
        return address if plain[1] else f"https://{address}"
    if not address or _FORBIDDEN.search(address):
        return None
    scheme = _SCHEME.match(address)
    if scheme is None or (_HOST_WITH_PORT.match(address) and "//" not in address):
        address = "https://" + address.removeprefix("//")
    elif scheme[1].lower() not in ("http", "https"):
        return None
    try:
        parts = urlsplit(address)
        has_good_port = parts.port is None or parts.port > 0
    except ValueError:
        return None
    host = parts.hostname or ""
    if "@" in parts.netloc or not has_good_port or not _HOST.fullmatch(host):
        return None
    netloc = host.rstrip(".") + (f":{parts.port}" if parts.port else "")
    result = parts._replace(scheme=parts.scheme.lower(), netloc=netloc).geturl()
    return result if len(result) <= _LONGEST_URL else None


# Who has an address here shares the domain with everybody: it says nothing about a firm.
_FREE_MAIL = """
    gmail.com googlemail.com icloud.com me.com mac.com aol.com mail.com email.com zoho.com fastmail.com hey.com
    proton.me
    protonmail.com tutanota.com tuta.io gmx.de gmx.net gmx.at gmx.ch gmx.com web.de t-online.de freenet.de arcor.de
    posteo.de
    mailbox.org online.de vodafone.de 1und1.de orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr
    libero.it
    virgilio.it tiscali.it alice.it tin.it inwind.it iol.it telefonica.net terra.es terra.com.br uol.com.br
    bol.com.br ig.com.br
    sapo.pt rediffmail.com btinternet.com btconnect.com sky.com virginmedia.com ntlworld.com talktalk.net comcast.net
    verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net ziggo.nl kpnmail.nl planet.nl
    hetnet.nl
    xs4all.nl home.nl upcmail.nl skynet.be telenet.be bluewin.ch a1.net aon.at chello.at wp.pl o2.pl onet.pl
    interia.pl op.pl
    seznam.cz centrum.cz email.cz abv.bg mail.bg mynet.com ttmail.com mail.ru bk.ru inbox.ru list.ru rambler.ru
    yandex.ru
    yandex.com ya.ru ukr.net i.ua qq.com 163.com 126.com yeah.net sina.com sina.cn sohu.com foxmail.com aliyun.com
    139.com
    naver.com daum.net hanmail.net nate.com bigpond.com optusnet.com.au eim.ae emirates.net.ae
"""
_FREE_MAIL_BRANDS = frozenset({"gmx", "hotmail", "live", "msn", "outlook", "rocketmail", "yahoo", "ymail", "yandex"})
_LINK_PAGES = """
    facebook.com fb.com fb.me instagram.com linkedin.com twitter.com x.com t.co youtube.com youtu.be tiktok.com
    pinterest.com
    threads.net linktr.ee beacons.ai lnk.bio bio.link about.me taplink.cc bit.ly tinyurl.com goo.gl ow.ly rb.gy
    cutt.ly wa.me
    whatsapp.com t.me telegram.me xing.com vk.com weibo.com behance.net dribbble.com vimeo.com issuu.com medium.com
    g.page g.co g.dev maps.app business.site yelp.com tripadvisor.com foursquare.com alibaba.com made-in-china.com
    globalsources.com indiamart.com justdial.com tradeindia.com exportersindia.com europages.com europages.de
    europages.co.uk
    wlw.de gelbeseiten.de dasoertliche.de pagesjaunes.fr paginasamarillas.es paginegialle.it yellowpages.com
    kompass.com
    yell.com cylex.de apple.com bing.com openstreetmap.org archive.org
"""
_FREE_HOSTS = """
    wixsite.com wix.com wordpress.com blogspot.com weebly.com jimdo.com jimdosite.com jimdofree.com webnode.com
    webnode.page
    strikingly.com squarespace.com godaddysites.com myshopify.com github.io gitlab.io netlify.app vercel.app
    pages.dev web.app
    firebaseapp.com herokuapp.com tumblr.com notion.site canva.site carrd.co site123.me 000webhostapp.com ucoz.ru
    ucoz.net
    tilda.ws yolasite.com mystrikingly.com webflow.io framer.website business.page typeform.com homepage.t-online.de
    dropbox.com onedrive.com box.com ueniweb.com negocio.site
"""
_SHARED_BRANDS = frozenset({"google", "blogspot", "webnode"})
# Under these anybody buys a domain of their own, although the list of suffixes counts them as private.
_SOLD_SUFFIXES = frozenset(
    """
    ae.org br.com cn.com co.com com.de com.se de.com eu.com gb.net gr.com hu.net in.net it.com jp.net jpn.com
    mex.com ru.com
    sa.com se.net uk.com uk.net us.com us.org za.bz za.com co.nl co.no co.ca web.in
    """.split()
)


@cache
def _shared_domains() -> frozenset[str]:
    return frozenset((_FREE_MAIL + _LINK_PAGES + _FREE_HOSTS).split())


@cache
def _suffixes(*, with_private: bool = True) -> TLDExtract:
    # It brings a client for HTTP, a tenth of what a server takes to start; most processes never ask for a suffix.
    from tldextract import TLDExtract

    # With the list that comes with the library: an import asks nobody on the network, and writes no cache.
    return TLDExtract(
        cache_dir=None, suffix_list_urls=(), fallback_to_snapshot=True, include_psl_private_domains=with_private
    )


def is_shared_domain(domain: str) -> bool:
    """Return whether many who have nothing to do with each other are found under the registrable `domain`."""
    brand = domain.partition(".")[0]
    return domain in _shared_domains() or brand in _SHARED_BRANDS or brand in _FREE_MAIL_BRANDS


def registrable_domain(text: str) -> str:
    """Return the domain that a firm has registered, from an address of the web or of e-mail.

    "" for what many share: free mail, link pages, free hosts, maps; and for what is no registered domain.

    >>> registrable_domain("https://shop.firma.co.uk/x"), registrable_domain("info@gmail.com")
    ('firma.co.uk', '')
    """
    if len(text) > _LONGEST_MENTION:
        return ""
    plain = _PLAIN_HOST.match(text)
    return _domain_of(plain[1], is_plain=True) if plain else _domain_of(_host_of(text))


# What the library reads in 20 µs, a tenth of what an import may spend on a row, is read here in 1: host names in plain
# letters. A test compares the two.
_PLAIN_HOST = re.compile(r"https?://((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,24})(?:/|$)", re.ASCII)


@lru_cache(maxsize=8192)
def _domain_of(host: str, *, is_plain: bool = False) -> str:
    found = _plain_parts(host) if is_plain else None
    if found is None:
        found = _parts(host)
    name, suffix, is_private = found
    if not name or not suffix or (is_private and suffix not in _SOLD_SUFFIXES):
        return ""
    domain = f"{name}.{suffix}"
    return "" if is_shared_domain(domain) else domain


def _parts(host: str) -> tuple[str, str, bool]:
    """Return the name before the suffix under which anybody may register one, the suffix, and whether it is private."""
    if not host or _is_address(host):
        return "", "", False
    found = _suffixes()(host)
    return found.domain, found.suffix, found.is_private


def _plain_parts(host: str) -> tuple[str, str, bool] | None:
    """Return the same for a host that is written plainly; None where a rule with a star or an exception may apply."""
    known, public, special = _suffix_sets()
    labels = host.split(".")
    endings = [".".join(labels[start:]) for start in range(len(labels))]
    if host in known or "xn--" in host or not special.isdisjoint(endings):
        return None
    for name, suffix in zip(labels, endings[1:], strict=False):
        if suffix in known:
            return name, suffix, suffix not in public
    return None


@cache
def _suffix_sets() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return all suffixes, those that are not private, and what stands behind a star or an exception."""
    known = frozenset(_suffixes().tlds)
    public = _suffixes(with_private=False).tlds
    return known, frozenset(public), frozenset(rule.partition(".")[2] for rule in known if rule[0] in "*!")


def _host_of(text: str) -> str:
    text = text.strip().lower()
    if "@" in text and "://" not in text:
        return text.rpartition("@")[2]
    try:
        return urlsplit(text if "://" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
