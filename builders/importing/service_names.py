"""Which of the directory's categories a service belongs to, by the words in its name."""

from __future__ import annotations

from functools import lru_cache

from builders.folding import fold
from builders.record import Offering

# Looked for in this order: the narrower first, so that "modular stand design" is modular and "graphic design" graphics.
# Folded beginnings of words, and in a Chinese or Japanese name anywhere.
_WORDS = (
    ("modular", "modular modul systemstand systembau octanorm modulare modulaire modulair moduler 模块 模組"),
    ("graphics", ("graphic grafik graphique grafic grafica print "
     "druck impression impresion stampa signage beschilder 印刷")),
    ("technology", ("technolog technik audiovisu av led video lighting licht multimedia "
     "digital electric elektr software vr ar eclairage iluminacion illuminazione verlichting aydinlatma")),
    ("rental", ("rental rent hire miet vermiet verleih location alquiler noleggio verhuur "
     "huur alugue locacao kiralama kira 租赁")),
    ("logistics", ("logisti transport storage lager warehous shipping spedition freight "
     "stockage almacen magazzin opslag nakliye")),
    ("installation", ("install dismantl montage abbau aufbau demontage assembly setup montaje "
     "montaggio montagem kurulum sokum 搭建")),
    ("management", ("manage project projekt gestion gestione planung "
     "planning coordinat koordin organis organiz yonetim gerencia")),
    ("design", ("design entwurf gestaltung konzept concept conception diseno progettazione ontwerp "
     "projeto tasarim architekt architect interior innenarchitekt 设计 設計")),
    ("construction", ("construct build builder bau messebau standbau standbouw construc costruzion allesti "
     "fabricat manufactur fertigung schreiner tischler joinery carpent stand booth exhibit "
     "pavilion insa imalat uretim yapim bouw constructie 展台")),
)  # fmt: skip
_LONGEST_WHOLE_WORD = 3


@lru_cache(maxsize=4096)
def service_category(name: str) -> str:
    """Return one of `Service.Category`.

    >>> service_category("Modular Stand Design"), service_category("Messebau"), service_category("Catering")
    ('modular', 'construction', 'other')
    """
    words = fold(name).split()
    for category, beginnings in _WORDS:
        if any(_is_meant(beginning, word) for beginning in beginnings.split() for word in words):
            return category
    return "other"


def _is_meant(beginning: str, word: str) -> bool:
    if not beginning.isascii():
        return beginning in word
    # Short ones are words of their own: "av" is not the beginning of "available".
    return word == beginning if len(beginning) <= _LONGEST_WHOLE_WORD else word.startswith(beginning)


def last_part(name: str) -> str:
    """Return the narrowest of a path of categories: of "Business > Event service" the last."""
    return name.rpartition(">")[2].strip() or name


@lru_cache(maxsize=4096)
def offering(name: str) -> Offering:
    """Return a service of this name, in its category."""
    last = last_part(name)
    return Offering(name=last, category=service_category(last))
