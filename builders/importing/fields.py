"""What a column can be: the vocabulary that mappings are written in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# A column that is left out.
IGNORED: Final = ""


@dataclass(frozen=True, slots=True)
class Field:
    """`check` names the test that values of such a column have to pass (see `evidence`); "" where anything may stand.

    `is_many`: several columns may be this field, and what they say is put together. Of the others the first column with
    something in it counts.
    """

    name: str
    label: str
    check: str = ""
    is_many: bool = False


_ALL = (
    Field("external_key", "Key at the source", "key"),
    Field("name", "Name of the firm", "name"),
    Field("email", "E-mail address", "email", is_many=True),
    Field("phone", "Phone", "phone", is_many=True),
    Field("fax", "Fax", "phone", is_many=True),
    Field("website", "Website", "website"),
    Field("maps_url", "Link to a map", "maps_url"),
    Field("social", "Social profile", "url", is_many=True),
    Field("facebook", "Facebook page", "", is_many=True),
    Field("instagram", "Instagram profile", "", is_many=True),
    Field("linkedin", "LinkedIn page", "", is_many=True),
    Field("twitter", "X or Twitter profile", "", is_many=True),
    Field("youtube", "YouTube channel", "", is_many=True),
    Field("address_full", "Whole address", "text"),
    Field("address_json", "Address in parts, as JSON", "json"),
    Field("address_line_1", "Street, line 1", "text"),
    Field("address_line_2", "Street, line 2"),
    Field("address_line_3", "Street, line 3"),
    Field("address_line_4", "Street, line 4"),
    Field("address_line_5", "Street, line 5"),
    Field("locality", "City", "place"),
    Field("cities", "Cities, the headquarters first", "place"),
    Field("service_cities", "Cities that are served", "place", is_many=True),
    Field("sublocality", "District", "place"),
    Field("region", "Region or state", "place"),
    Field("postcode", "Postcode", "postcode"),
    Field("country", "Country", "country"),
    Field("service_countries", "Countries that are served", "countries", is_many=True),
    Field("latitude", "Latitude", "latitude"),
    Field("longitude", "Longitude", "longitude"),
    Field("categories", "Categories", "words", is_many=True),
    Field("services", "Services", "words", is_many=True),
    Field("specialisations", "Specialisations", "words", is_many=True),
    Field("description", "Description", "words"),
    Field("contact_name", "Contact person", "person"),
    Field("contact_first_name", "First name", "person"),
    Field("contact_last_name", "Last name", "person"),
    Field("contact_role", "Position", "person"),
    Field("hours", "Opening hours", "", is_many=True),
    Field("rating", "Rating", "rating"),
    Field("reviews", "Number of reviews", "whole"),
    Field("status", "Open or closed", "status"),
    Field("closed_permanently", "Closed for good"),
    Field("closed_temporarily", "Closed for a time"),
    Field("founded", "Founded", "year"),
    Field("team_size", "Team size", "size"),
    Field("stand_size", "Stand sizes built, in m²", "size"),
    Field("projects_completed", "Projects completed", "whole"),
    Field("languages", "Languages", "words"),
    Field("certifications", "Certifications", "", is_many=True),
    Field("verified", "Verified", "yes_no"),
    Field("plan", "Plan", "words"),
    Field("images", "Addresses of pictures", "", is_many=True),
    Field("extra", "Keep as it is", "", is_many=True),
)
FIELDS: Final = {field.name: field for field in _ALL}
ADDRESS_LINES: Final = tuple(f"address_line_{number}" for number in range(1, 6))
