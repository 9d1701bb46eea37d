from __future__ import annotations

import pytest

from builders.importing.fields import FIELDS
from builders.importing.headers import normalised, singular, words_of
from builders.importing.synonyms import (
    AMBIGUOUS,
    SYNONYMS,
    ambiguous_forms,
    exact_forms,
    field_named,
    names_of,
    plural_forms,
)

# Without a database: once is enough.
pytestmark = pytest.mark.backend("sqlite")


@pytest.mark.parametrize(
    ("header", "form"),
    [
        ("companyName", "company name"),
        ("CompanyName", "company name"),
        ("company_name", "company name"),
        ("company-name", "company name"),
        ("COMPANY NAMES", "company name"),
        ("\ufeffCompany Name", "company name"),
        ("  Company   Name: ", "company name"),
        ("Company Name (required)", "company name"),
        ("Company Name [text] *", "company name"),
        ("Company\nName", "company name"),
        ("Ｃｏｍｐａｎｙ　Ｎａｍｅ", "company name"),
        ("imageURL", "image url"),
        ("URLs", "url"),
        ("GPSLatitude", "gps latitude"),
        ("address_line_1", "address line 1"),
        ("addressLine1", "address line 1"),
        ("phone_1", "phone 1"),
        ("Country / Region", "country region"),
        ("Country/Region", "country region"),
        ("Additional categories", "additional category"),
        ("Addresses", "address"),
        ("E-Mail-Adresse", "e mail adresse"),
        ("Straße", "strasse"),
        ("STRASSE", "strasse"),
        ("Raison Sociale", "raison sociale"),
        ("Şehir", "sehir"),
        ("ŞEHİR", "sehir"),
        ("住所", "住所"),
        ("(Firma)", "firma"),
        ("", ""),
        ("***", ""),
    ],
)
def test_normalised(header, form):
    assert normalised(header) == form


def test_plural_is_left_where_it_is_none():
    assert [singular(word) for word in ("address", "business", "status", "gps", "cities", "addresses")] == [
        "address", "business", "status", "gps", "city", "address",
    ]  # fmt: skip


def test_words_keep_the_plural():
    assert words_of("Service_Cities") == "service cities"


# One row of the table of names each, as the formats of the field have them.
@pytest.mark.parametrize(
    ("field", "headers"),
    [
        ("external_key", "Store code|Shop code|place_id|google_id|cid|fsq_place_id|id|Internal ID"),
        ("external_key", "Customer Number|Geschäftscode|Code magasin|código de tienda"),
        ("name", "Business name|companyName|Company|Name|Title|Organisation|Organization|Firm|Exhibitor"),
        ("name", "Exhibitor Name|Trading name|DBA|Account Name|displayName.text|Site name"),
        ("name", "Firma|Firmenname|Unternehmen|Aussteller|Entreprise|Raison sociale|Exposant|Société|Empresa"),
        ("name", "Razón social|Nombre|Expositor|Azienda|Ragione sociale|Espositore|Bedrijf|Bedrijfsnaam"),
        ("name", "Firma adı|FİRMA ADI|Şirket"),
        ("email", "Email|E-mail|Email Address|primaryEmail|Contact Email|Emails|email_1|E-Mail-Adresse|Courriel"),
        ("email", "Adresse e-mail|Correo|Correo electrónico|Posta elettronica|E-posta"),
        ("phone", "Phone|Telephone|Tel|Tel.|Primary phone|Phone Number|Mobile|Cell|nationalPhoneNumber"),
        ("phone", "internationalPhoneNumber|formatted_phone_number|phoneUnformatted|Additional phones"),
        ("phone", "AdWords location extensions phone"),
        ("phone", "Telefon|Rufnummer|Mobil|Téléphone|Teléfono|Móvil|Telefono|Cellulare|Telefoon|Telefone"),
        ("phone", "Telefon numarası"),
        ("fax", "Fax|Telefax|Fax Number|Télécopie"),
        ("website", "Website|Web site|Site|URL|Homepage|Web|websiteUri|Web address|Domain|Webseite|Internet"),
        ("website", "Site internet|Sitio web|Sito web"),
        ("maps_url", "Link|location_link|googleMapsUri|Place URL|Map URL"),
        ("address_full", "Address|Full address|formattedAddress|formatted_address|Location address|Adresse"),
        ("address_full", "Anschrift|Dirección|Indirizzo|Adres|Endereço"),
        ("address_line_1", "Address line 1|Street|Street address|Addr|Address 1|Line 1|Thoroughfare|Straße"),
        ("address_line_1", "Strasse|Rue|Calle|Via|Straat"),
        ("address_line_2", "Address line 2|Address 2|Line 2"),
        ("address_line_5", "Address line 5"),
        ("locality", "Locality|City|Town|Post town|post_town|Municipality|Ort|Stadt|Ville|Ciudad|Localidad|Città"),
        ("locality", "Plaats|Cidade|Şehir"),
        ("service_cities", "Cities|Service Cities|Service areas"),
        ("sublocality", "Sub-locality|Borough|Neighborhood|Neighbourhood|District|Suburb|Ortsteil|Quartier|Barrio"),
        ("region", "Administrative area|State|us_state|Province|County|Region|admin_region|Bundesland"),
        ("region", "Département|Provincia|Estado"),
        ("postcode", "Postal code|Postcode|ZIP|Zip Code|PLZ|Postleitzahl|Code postal|Código postal|CAP|CEP"),
        ("country", "Country / Region|Country|Country Code|countryCode|Region code|Land|Pays|País|Paese|Ülke"),
        ("latitude", "Latitude|lat|location.latitude|location/lat"),
        ("longitude", "Longitude|lng|lon|long|longtitude|location.lng"),
        ("categories", "Primary category|Category|categoryName|Type|types|subtypes|Additional categories"),
        ("categories", "primaryType|fsq_category_labels|Industry|Branche|Kategorie|Catégorie|Categoría"),
        ("services", "Services|Services Provided|Leistungen"),
        ("specialisations", "Specializations|Specialities"),
        ("description", "From the business|Description|About|Business Description|Profile description|Summary"),
        ("description", "Beschreibung"),
        ("contact_name", "Contact Person|Contact name|owner_title|Ansprechpartner|Interlocuteur|Persona de contacto"),
        ("address_line_1", "Straße/Nr.|Straße/Hausnr."),
        ("linkedin", "LinkedIn|LinkedIn URL|linkedin_url"),
        ("youtube", "YouTube|youtube_url"),
        ("team_size", "Nº de empleados|Effectif|Çalışan Sayısı"),
        ("contact_first_name", "First name|Vorname|Prénom"),
        ("contact_last_name", "Last name|Nachname|Apellidos"),
        ("contact_role", "Position|Job title|Function"),
        ("hours", "Open hours|open_hours|Working hours|Opening hours|regularOpeningHours|Monday hours"),
        ("hours", "Sunday hours|Special hours"),
        ("rating", "Rating|totalScore|review_rating|Stars"),
        ("reviews", "Reviews|Review Count|reviewsCount|userRatingCount|user_ratings_total"),
        ("status", "Business status|Status|Status code"),
        ("closed_permanently", "Permanently closed|date_closed"),
        ("closed_temporarily", "Temporarily closed"),
        ("founded", "Opening date|Established|establishedYear|Founded|Gründungsjahr"),
        ("team_size", "teamSize|Team Size|Employees|No. of employees|Mitarbeiter"),
        ("", "popular_times|Thumbnail|Images|user_reviews|Street view|input_id|query|data_id|Column|Column2"),
        ("", "Unnamed: 3"),
    ],
)  # fmt: skip
def test_header_names_its_field(field, headers):
    names = headers.split("|")
    assert {name: field_named(name) for name in names} == dict.fromkeys(names, field)


@pytest.mark.parametrize("header", ["", "Foo", "Notes 2", "Company motto", "住所", "Budget"])
def test_header_that_nobody_knows(header):
    assert field_named(header) is None


def test_fields_of_the_table_exist():
    assert {field for field in SYNONYMS if field} <= FIELDS.keys()
    assert {field for fields in AMBIGUOUS.values() for field in fields} <= FIELDS.keys()


def test_every_field_has_a_way_in():
    assert FIELDS.keys() - SYNONYMS.keys() == {"address_json", "cities", "images", "extra"}


def test_no_name_stands_for_two_fields():
    fields: dict[str, set[str]] = {}
    for field in SYNONYMS:
        for name in names_of(field):
            fields.setdefault(words_of(name), set()).add(field)
    assert {name: found for name, found in fields.items() if len(found) > 1} == {}


def test_singular_and_plural_are_one_field_but_where_the_table_says_so():
    differing = {}
    for field in SYNONYMS:
        for name in names_of(field):
            if field_named(name) != field:
                differing[name] = (field, field_named(name))
    assert differing == {}
    assert set(plural_forms().values()) == {"service_cities", "service_countries"}


def test_ambiguous_names_are_in_no_field():
    assert ambiguous_forms().keys() & exact_forms().keys() == set()
