"""What columns are called, in English, German, French, Spanish, Italian, Dutch, Portuguese and Turkish.

Names are written as people write them and brought to one form before they are compared (see `headers`). One form
stands for one field; what may be several things stands in `AMBIGUOUS`, and is asked. Where a file has two names of a
key, the earlier one of the table is taken.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from builders.importing.fields import IGNORED
from builders.importing.headers import is_nameless, normalised, words_of

SYNONYMS: Final[dict[str, str]] = {
    "external_key": """
        place id, google place id, gmb place id, google id, cid, fsq place id, fsq id, store code, shop code,
external id, id,
        internal id, customer number, customer no, customer id, exhibitor id, company id, uid, uuid, key,
record id, source id,
        Geschäftscode, Filialcode, Kundennummer, Kunden-Nr, Kunden-ID, code magasin, numéro de client, identifiant,
        código de tienda, número de cliente, identificador, codice negozio, codice cliente, numero cliente,
        winkelcode, klantnummer, código da loja, número do cliente, código do cliente, mağaza kodu,
müşteri numarası, müşteri no
    """,
    "name": """
        business name, company name, company, organisation name, organization name, organisation, organization,
firm, firm name,
        exhibitor, exhibitor name, trading name, legal name, dba, account name, builder name, stand builder,
supplier name,
        vendor name, name of company, display name text, display name, site name, name, title,
        Firma, Firmenname, Firmenbezeichnung, Unternehmen, Unternehmensname, Name des Unternehmens, Aussteller,
Ausstellername,
        Betrieb, Messebauer, entreprise, nom de l'entreprise, nom entreprise, raison sociale, exposant,
nom de l'exposant, société,
        nom de la société, dénomination sociale, empresa, nombre de la empresa, nombre empresa, razón social,
nombre comercial,
        nombre, expositor, compañía, azienda, nome azienda, ragione sociale, espositore, ditta, nome ditta,
impresa, società,
        bedrijf, bedrijfsnaam, exposant naam, naam bedrijf, onderneming, nome da empresa, razão social,
nome fantasia, nome empresa,
        companhia, firma adı, şirket, şirket adı, firma ismi, firma ünvanı, ticari ünvanı, katılımcı firma,
işletme adı, kuruluş
    """,
    "email": """
        email, e mail, email address, e mail address, mail address, primary email, contact email, company email,
business email,
        work email, email 1, email 2, email 3, email 4, email 5, main email, electronic mail, contact e mail,
email contact,
        E-Mail-Adresse, Email Adresse, Mailadresse, Mail Adresse, E-Mail Kontakt, Kontakt E-Mail, mail,
        courriel, adresse e-mail, adresse email, adresse mail, adresse électronique, adresse courriel, mél,
        correo, correo electrónico, correo e, dirección de correo electrónico, dirección de correo, e correo,
        posta elettronica, indirizzo e-mail, indirizzo email, indirizzo di posta elettronica, mail azienda,
        e-mailadres, emailadres, e mail adres, mailadres, endereço de e-mail, endereço de email, correio eletrônico,
        correio eletrónico, e-posta, eposta, e-posta adresi, eposta adresi, e mail adresi, mail adresi,
elektronik posta
    """,
    "phone": """
        phone, telephone, tel, primary phone, phone number, telephone number, mobile, mobile phone, mobile number,
cell, cell phone,
        national phone number, international phone number, formatted phone number, phone unformatted,
additional phone,
        additional phones, adwords location extension phone, ad words location extension phone,
        phone 1, phone 2, phone 3, phone 4, phone 5,
contact phone,
        contact number, business phone, company phone, office phone, work phone, main phone, landline, tel no,
phone no, telephone no,
        Telefon, Telefonnummer, Telefon-Nr, Tel-Nr, Rufnummer, Mobil, Mobiltelefon, Handy, Handynummer,
Mobilnummer, Festnetz,
        téléphone, numéro de téléphone, téléphone portable, téléphone fixe, portable, n° de téléphone, tél,
        teléfono, número de teléfono, móvil, celular, teléfono móvil, teléfono fijo, teléfono de contacto,
        telefono, numero di telefono, cellulare, telefono cellulare, telefono fisso, recapito telefonico,
        telefoon, telefoonnummer, mobiel, mobiel nummer, mobiele telefoon, gsm,
        telefone, número de telefone, telemóvel, telefone celular, telefone fixo, whatsapp, whats app,
        telefon numarası, telefon no, cep telefonu, cep no, gsm no, sabit telefon, iş telefonu
    """,
    "fax": """
        fax, telefax, fax number, fax no, facsimile, Faxnummer, Telefaxnummer, Fax-Nr, télécopie, télécopieur,
numéro de fax,
        número de fax, numero di fax, faxnummer, faks, belgegeçer, faks no, faks numarası
    """,
    "website": """
        website, web site, site, url, homepage, home page, web, website uri, web address, website url,
website address, domain,
        company website, company url, web page, webpage, internet address, www, corporate website, domain name,
        Webseite, Internet, Internetseite, Internetadresse, Webadresse, Internetauftritt, Webauftritt, Web-Seite,
        site internet, site web, adresse web, adresse internet, page web, sitio web, página web, pagina web,
web de la empresa,
        dirección web, sitio de internet, sito web, sito, sito internet, indirizzo web, webadres, internetadres,
webpagina,
        página da web, página na internet, endereço web, endereço eletrônico site, site da empresa,
        web sitesi, internet sitesi, internet adresi, web adresi, web sayfası
    """,
    "maps_url": """
        link, location link, google maps uri, google maps url, google map url, google maps link, google map,
place url, place link,
        map url, map link, maps url, maps link, google maps, Kartenlink, Karten-URL, lien carte, lien google maps,
        enlace de mapa, enlace google maps, link mappa, kaartlink, link do mapa, harita linki, harita bağlantısı
    """,
    "facebook": "facebook, facebook id, facebook url, facebook page, facebook link, fb",
    "instagram": "instagram, instagram url, instagram profile, instagram link, instagram handle",
    "linkedin": "linkedin, linked in, linked in url, linkedin url, linkedin profile, linkedin page, linkedin link",
    "twitter": "twitter, twitter url, twitter handle, twitter link, x twitter",
    "youtube": "youtube, you tube, youtube url, youtube channel, youtube link",
    "social": "social, social media, social link, social profile, social network, soziale Medien, xing, "
    "réseaux sociaux, redes sociales",
    "address_full": """
        address, full address, formatted address, location address, complete address, postal address, mailing address,
        business address, company address, office address, head office address, headquarters address,
        Adresse, Anschrift, Postanschrift, Firmenadresse, Firmenanschrift, Geschäftsadresse, vollständige Adresse,
        adresse complète, adresse postale, adresse de l'entreprise, dirección, dirección completa, domicilio,
dirección postal,
        indirizzo, indirizzo completo, sede, sede legale, adres, volledig adres, bezoekadres, postadres,
        endereço, endereço completo, morada, morada completa, açık adres, tam adres, adresi, adres bilgisi
    """,
    "address_line_1": """
        address line 1, street, street address, addr, address 1, line 1, thoroughfare, street 1, street name,
street and number,
        road, Straße, Strasse, Straße und Hausnummer, Straße Nr, Straße Hausnummer, Straße Hausnr,
        Str, Adresszeile 1, Adresse 1,
rue, voie,
        numéro et rue, adresse ligne 1, ligne d'adresse 1, calle, calle y número, línea de dirección 1, dirección 1,
        via, via e numero, indirizzo 1, riga indirizzo 1, straat, straatnaam, straat en huisnummer,
straat en nummer, adresregel 1,
        rua, logradouro, endereço linha 1, linha de endereço 1, sokak, cadde, cadde sokak, adres satırı 1, adres 1
    """,
    "address_line_2": """
        address line 2, address 2, line 2, street 2, Adresszeile 2, Adresse 2, Adresszusatz, adresse ligne 2,
complément d'adresse,
        ligne d'adresse 2, línea de dirección 2, dirección 2, riga indirizzo 2, indirizzo 2, adresregel 2, toevoeging,
        endereço linha 2, linha de endereço 2, complemento, adres satırı 2, adres 2
    """,
    "address_line_3": """
        address line 3, address 3, line 3, Adresszeile 3, adresse ligne 3, línea de dirección 3, riga indirizzo 3,
adresregel 3,
        endereço linha 3, adres satırı 3
    """,
    "address_line_4": """
        address line 4, address 4, line 4, Adresszeile 4, adresse ligne 4, línea de dirección 4, riga indirizzo 4,
adresregel 4,
        endereço linha 4, adres satırı 4
    """,
    "address_line_5": """
        address line 5, address 5, line 5, Adresszeile 5, adresse ligne 5, línea de dirección 5, riga indirizzo 5,
adresregel 5,
        endereço linha 5, adres satırı 5
    """,
    "locality": """
        locality, city, town, post town, municipality, city name, headquarters city, hq city, city town,
place name, town city,
        Ort, Stadt, Ortschaft, Wohnort, Gemeinde, Firmensitz Ort, ville, commune, localité, ciudad, localidad,
municipio, población,
        città, comune, località, plaats, stad, plaatsnaam, woonplaats, gemeente, cidade, município, localidade,
şehir, kent, şehir adı
    """,
    "sublocality": """
        sub locality, sublocality, borough, neighborhood, neighbourhood, district, suburb, quarter, city district,
        Ortsteil, Stadtteil, Stadtbezirk, Bezirk, quartier, arrondissement, barrio, colonia, distrito, quartiere,
rione, zona,
        wijk, stadsdeel, bairro, freguesia, ilçe, semt, mahalle
    """,
    "region": """
        administrative area, prov, state, us state, province, county, region, admin region,
        state province, state region,
state code,
        administrative area level 1, headquarters state, prefecture, canton, Bundesland, Kanton, Provinz, Landkreis,
        département, région, province état, provincia, estado, comunidad autónoma, región, departamento, regione,
provincie,
        distrito federal, região, bölge, eyalet, il
    """,
    "postcode": """
        postal code, postcode, zip, zip code, plz, zip postal code, post code, pin code, pincode, eircode,
zip postcode,
        Postleitzahl, code postal, cp, código postal, codigo postal, CAP, codice postale,
codice di avviamento postale, postcode plaats,
        CEP, código de endereçamento postal, posta kodu
    """,
    "country": """
        country region, country, country code, region code, country name, headquarters country, hq country, nation,
iso country,
        country iso, country territory, Land, Ländercode, Staat Land, Länderkürzel, Länderkennzeichen, pays,
code pays, nom du pays,
        país, código de país, código del país, país región, paese, nazione, codice paese, stato nazione, landcode,
landnaam,
        código do país, país código, ülke, ülke kodu, ülke adı
    """,
    "service_countries": """
        countries served, service countries, countries of operation, operating countries, countries, markets,
Länder, pays desservis,
        países, paesi, landen, ülkeler
    """,
    "service_cities": """
        service cities, cities served, service areas, service area, service locations, locations served,
areas served, cities, towns,
        Einsatzorte, Städte, villes, villes desservies, ciudades, città servite, steden, cidades, şehirler,
hizmet bölgeleri
    """,
    "latitude": "latitude, lat, location latitude, location lat, "
    "geo lat, gps latitude, y coordinate, Breitengrad, geografische Breite, "
    "latitud, latitudine, breedtegraad, enlem, geometry location lat, headquarters latitude",
    "longitude": "longitude, lng, lon, long, longtitude, location longitude, "
    "location lng, geo lng, geo lon, gps longitude, "
    "x coordinate, Längengrad, geografische Länge, longitud, longitudine, lengtegraad, boylam, geometry location lng, "
    "headquarters longitude",
    "categories": """
        primary category, category, category name, type, types, subtypes, additional categories, primary type,
fsq category labels,
        industry, industries, sector, business type, company type, product group, business category, main category,
line of business, subcategory,
        Branche, Branchen, Kategorie, Kategorien, Firmenart, Hauptkategorie, Tätigkeitsfeld, catégorie,
catégorie principale, secteur,
        secteur d'activité, branche d'activité, activité, categoría, categoría principal, actividad,
tipo de empresa, rubro,
        categoria, settore, settore di attività, attività, tipologia, categorie, bedrijfstak, branche bedrijf,
setor, ramo, atividade,
        ramo de atividade, kategori, sektör, faaliyet alanı, iş kolu
    """,
    "services": """
        services, services provided, services offered, service, our services, products and services,
products services, capabilities,
        Leistungen, Dienstleistungen, Leistungsspektrum, Angebot, Services Angebot, prestations, services proposés,
servicios,
        servicios ofrecidos, servizi, servizi offerti, diensten, dienstverlening, aangeboden diensten, serviços,
        serviços oferecidos, serviços prestados, hizmetler, verilen hizmetler, sunulan hizmetler
    """,
    "specialisations": """
        specializations, specialisations, specialities, specialties, specialism, expertise, areas of expertise,
focus, stand types,
        booth types, Spezialisierungen, Spezialisierung, Schwerpunkte, Spezialgebiete, Fachgebiete, spécialités,
spécialisations,
        domaines d'expertise, especialidades, especialización, especializaciones, specializzazioni, specializzazione,
        specialisaties, specialiteiten, specialisatie, especializações, especialização, uzmanlık, uzmanlık alanları
    """,
    "description": """
        from the business, description, business description, profile description, company description,
descriptions, about, about us,
        about the company, summary, company profile, profile text, overview, bio, short description, long description,
        Beschreibung, Firmenbeschreibung, Unternehmensbeschreibung, Kurzbeschreibung, Über uns, Firmenprofil,
Profiltext,
        descriptif, présentation, description de l'entreprise, à propos, descripción, descripción de la empresa,
acerca de,
        presentación, descrizione, descrizione azienda, presentazione, chi siamo, beschrijving, omschrijving,
bedrijfsomschrijving,
        over ons, bedrijfsprofiel, descrição, descrição da empresa, sobre, sobre nós, apresentação, açıklama,
tanım, hakkında, hakkımızda
    """,
    "contact_name": """
        contact person, contact name, contact full name, primary contact, main contact, representative,
person in charge, owner title,
        person to contact, sales contact, Ansprechpartner, Ansprechpartnerin, Ansprechperson, Kontaktperson,
Kontaktname,
        Name Ansprechpartner, interlocuteur, personne de contact, nom du contact, personne à contacter, responsable,
        persona de contacto, nombre de contacto, nombre del contacto, persona di contatto, referente,
nome contatto, nome referente,
        contactpersoon, naam contactpersoon, aanspreekpunt, pessoa de contato, pessoa de contacto, nome do contato,
        nome do contacto, responsável, yetkili, yetkili kişi, ilgili kişi, irtibat kişisi, iletişim kişisi,
yetkili adı
    """,
    "contact_first_name": """
        first name, given name, forename, contact first name, Vorname, prénom, nombre de pila, nome proprio, voornaam,
        primeiro nome, ad
    """,
    "contact_last_name": """
        last name, surname, family name, contact last name, Nachname, Familienname, Zuname, nom de famille,
apellido, apellidos,
        cognome, achternaam, familienaam, sobrenome, apelido, último nome, soyad, soyadı
    """,
    "contact_role": """
        position, job title, function, role, job, job role, designation, contact role, contact position,
contact title, job position,
        Funktion, Rolle, Berufsbezeichnung, Stellung, fonction, poste, titre du poste, cargo, puesto, función,
ruolo, mansione,
        posizione, qualifica, functie, functietitel, rol, função, posto, görev, görevi, pozisyon, unvanı
    """,
    "hours": """
        open hours, working hours, opening hours, regular opening hours, business hours, office hours, hours,
opening time,
        monday hours, tuesday hours, wednesday hours, thursday hours, friday hours, saturday hours, sunday hours,
special hours,
        Öffnungszeiten, Geschäftszeiten, Bürozeiten, horaires, horaires d'ouverture, heures d'ouverture, horario,
        horario de apertura, horarios, orari, orari di apertura, orario di apertura, orario, openingstijden,
openingsuren,
        horário, horário de funcionamento, horário de abertura, çalışma saatleri, açılış saatleri, mesai saatleri
    """,
    "rating": """
        rating, total score, review rating, stars, average rating, google rating, score, avg rating, star rating,
Bewertung,
        Sternebewertung, Durchschnittsbewertung, note moyenne, évaluation, valoración, calificación, puntuación,
valutazione,
        punteggio, voto medio, beoordeling, waardering, score gemiddeld, avaliação, classificação, nota média, puan,
        değerlendirme puanı, ortalama puan
    """,
    "reviews": """
        reviews, review count, reviews count, user rating count, user ratings total, number of reviews,
total reviews, rating count,
        no of reviews, google reviews, Anzahl Bewertungen, Bewertungsanzahl, Anzahl der Bewertungen, Rezensionen,
Anzahl Rezensionen,
        nombre d'avis, avis, reseñas, número de reseñas, número de opiniones, recensioni, numero di recensioni,
numero recensioni,
        aantal beoordelingen, aantal reviews, avaliações, número de avaliações, yorum sayısı, değerlendirme sayısı,
yorumlar
    """,
    "status": """
        business status, status, status code, operational status, open status, company status, Geschäftsstatus,
Betriebsstatus,
        statut, état de l'entreprise, statut de l'entreprise, estado del negocio, estado de la empresa,
stato attività,
        stato dell'attività, bedrijfsstatus, situação, status da empresa, durum, işletme durumu
    """,
    "closed_permanently": "permanently closed, date closed, is permanently closed, "
    "closed permanently, dauerhaft geschlossen",
    "closed_temporarily": "temporarily closed, is temporarily closed, closed temporarily, vorübergehend geschlossen",
    "founded": """
        opening date, established, established year, founded, year founded, year established, founding year,
foundation year,
        date founded, since, year of foundation, incorporation year, est year, Gründungsjahr, Gegründet, Gründung,
Gründungsdatum,
        Jahr der Gründung, année de création, date de création, fondée en, année de fondation, date d'ouverture,
        año de fundación, fundada en, fundación, fecha de apertura, anno di fondazione, fondata nel, data di apertura,
        oprichtingsjaar, opgericht, jaar van oprichting, openingsdatum, ano de fundação, fundada em, fundação,
data de abertura,
        kuruluş yılı, kuruluş tarihi, açılış tarihi
    """,
    "team_size": """
        team size, employees, no of employees, number of employees, employee count, staff, staff size, headcount,
company size,
        workforce, employee range, num employees, Mitarbeiter, Mitarbeiterzahl, Anzahl Mitarbeiter,
Mitarbeiteranzahl, Teamgröße,
        Beschäftigte, Firmengröße, Unternehmensgröße, effectif, effectifs, nombre d'employés, nombre de salariés,
taille de l'équipe,
        taille de l'entreprise, empleados, número de empleados, no de empleados, plantilla,
        tamaño del equipo, tamaño de la empresa,
dipendenti,
        numero di dipendenti, numero dipendenti, dimensione del team, organico, medewerkers, aantal medewerkers,
aantal werknemers,
        werknemers, teamgrootte, bedrijfsgrootte, funcionários, número de funcionários, colaboradores,
tamanho da equipe,
        tamanho da equipa, çalışan sayısı, çalışanlar, personel sayısı, ekip büyüklüğü
    """,
    "stand_size": "stand size, stand sizes, booth size, booth sizes, "
    "Standgröße, Standgrößen, taille de stand, tamaño de stand, "
    "dimensione stand, standgrootte, tamanho do estande, stand büyüklüğü",
    "projects_completed": "projects, projects completed, completed projects, "
    "number of projects, total projects, Projekte, "
    "Anzahl Projekte, abgeschlossene Projekte, projets, projets réalisés, nombre de projets, "
    "proyectos, proyectos realizados, progetti, progetti completati, projecten, aantal projecten, "
    "projetos, projetos concluídos, "
    "projeler, proje sayısı",
    "languages": "languages, languages spoken, spoken languages, "
    "Sprachen, langues, langues parlées, idiomas, lingue, lingue parlate, "
    "talen, línguas, diller",
    "certifications": "certifications, certificates, certification, "
    "accreditations, Zertifikate, Zertifizierungen, certificats, "
    "certificaciones, certificazioni, certificaten, certificeringen, certificações, sertifikalar, belgeler",
    "verified": "verified, is verified, verifiziert, geprüft, "
    "vérifié, verificado, verificato, geverifieerd, doğrulanmış",
    "plan": "plan, plan type, subscription, subscription plan, "
    "membership plan, Tarif, abonnement, suscripción, abbonamento, assinatura",
    IGNORED: """
        popular times, thumbnail, images, user reviews, user reviews extended, street view, street view url,
input id, query, data id, reviews link, reviews per score, reviews per rating, reviews id, photo, photos,
photos count, time zone,
        timezone, plus code, owner id, owner link, range, price range, logo, typical time spent, search url, rank,
is advertisement,
        scraped at, image url, icon, created at, updated at, date created, date refreshed, row number, Zeile,
line number
    """,
}
# Names that say two things, and what they may be. The values decide where they can; else a person does.
AMBIGUOUS: Final[dict[str, tuple[str, ...]]] = {
    "contact": ("contact_name", "email", "phone"),
    "Kontakt": ("contact_name", "email", "phone"),
    "contacto": ("contact_name", "email", "phone"),
    "contatto": ("contact_name", "email", "phone"),
    "contato": ("contact_name", "email", "phone"),
    "iletişim": ("contact_name", "email", "phone"),
    "nom": ("name", "contact_last_name", "contact_name"),
    "nome": ("name", "contact_name"),
    "naam": ("name", "contact_name"),
    "isim": ("name", "contact_name"),
    "full name": ("contact_name", "name"),
    "owner": ("contact_name", "name"),
    "manager": ("contact_name", "contact_role"),
    "number": ("phone", "external_key"),
    "Nummer": ("phone", "external_key"),
    "numéro": ("phone", "external_key"),
    "número": ("phone", "external_key"),
    "numara": ("phone", "external_key"),
    "code": ("external_key", "postcode", "country"),
    "location": ("locality", "address_full", "country"),
    "Standort": ("locality", "address_full", "country"),
    "lieu": ("locality", "address_full"),
    "luogo": ("locality", "address_full"),
    "lugar": ("locality", "address_full"),
    "konum": ("locality", "address_full"),
    "headquarters": ("locality", "address_full", "country"),
    "Sitz": ("locality", "address_full", "country"),
    "Staat": ("country", "region"),
    "état": ("region", "status"),
    "stato": ("country", "status", "region"),
    "size": ("team_size", "stand_size"),
    "Größe": ("team_size", "stand_size"),
    "note": ("rating", "description", "extra"),
    "year": ("founded",),
    "Jahr": ("founded",),
    "department": ("contact_role", "region"),
    "area": ("region", "sublocality", "stand_size"),
    "Gebiet": ("region", "service_cities"),
    "kind": ("categories", "specialisations"),
    "tip": ("categories", "specialisations"),
    "tipo": ("categories", "specialisations"),
    "titre": ("name", "contact_role"),
    "titel": ("name", "contact_role"),
    "título": ("name", "contact_role"),
    "titolo": ("name", "contact_role"),
    "unvan": ("name", "contact_role"),
    "profile": ("description", "website", "social"),
    "profil": ("description", "website", "social"),
    "comments": ("description", "extra"),
    "remarks": ("description", "extra"),
    "product": ("services", "categories"),
    "active": ("status", "verified"),
}
# Names of a firm that are as often a person's, a page's or a rank's: they give way where the file has a better one.
WEAK_NAMES: Final = frozenset(
    normalised(name) for name in ("name", "title", "nombre", "display name", "site name", "account name")
)
# In the plural another field than in the singular, which the normal form does not tell apart.
_PLURALS = ("service_cities", "service_countries")


def names_of(field: str) -> list[str]:
    """Return the names of a field as they are written in the table."""
    return [name.strip() for name in " ".join(SYNONYMS[field].split()).split(",")]


@cache
def exact_forms() -> dict[str, str]:
    """Return normalised names with their field."""
    found: dict[str, str] = {}
    # A plural that is its own field must not take the singular of another: "cities" is not "city".
    ordered = [field for field in SYNONYMS if field not in _PLURALS] + list(_PLURALS)
    for field in ordered:
        for name in names_of(field):
            found.setdefault(normalised(name), field)
    return found


@cache
def plural_forms() -> dict[str, str]:
    """Return the names that are another field in the plural, in full: they are looked up before the singular."""
    singles = exact_forms()
    return {
        words_of(name): field
        for field in _PLURALS
        for name in names_of(field)
        if singles.get(normalised(name)) != field
    }


@cache
def ambiguous_forms() -> dict[str, tuple[str, ...]]:
    return {normalised(name): fields for name, fields in AMBIGUOUS.items()}


def field_named(header: str) -> str | None:
    """Return the field that has exactly this name, "" for one to leave out, None where no field has it."""
    if is_nameless(header):
        return IGNORED
    plural = plural_forms().get(words_of(header))
    return plural if plural is not None else exact_forms().get(normalised(header))
