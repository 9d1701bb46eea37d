"""What of builders is compared to find those that are there twice: narrow rows, many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from builders.contact import registrable_domain
from builders.duplicates.traits import Street, Traits, postcode_key, street_of
from builders.folding import name_key
from builders.services.tables import among, fetch, listed
