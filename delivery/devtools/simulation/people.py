"""Invented people. The telephone numbers lie in 555-0100 to 555-0199, which are reserved for fiction."""

from random import Random

# fmt: off
_FIRST = (
    "Aaliyah", "Abel", "Adele", "Amara", "Anders", "Anika", "Arlo", "Beatriz", "Benito", "Bodhi",
    "Callum", "Camila", "Cedric", "Chiara", "Dario", "Delia", "Desmond", "Edda", "Eitan", "Elif", "Emeka",
    "Esme", "Farid", "Fiona", "Gael", "Greta", "Hana", "Hugo", "Idris", "Imani", "Ines", "Jonas", "Juno",
    "Kai", "Keiko", "Lars", "Leila", "Linnea", "Lucia", "Malik", "Mara", "Mateo", "Mei", "Mina", "Naomi",
    "Nico", "Nadia", "Omar", "Otis", "Paloma", "Petra", "Quinn", "Rafael", "Ravi", "Rosa", "Ruben",
    "Saskia", "Selma", "Silas", "Soren", "Talia", "Tariq", "Tessa", "Thea", "Tomas", "Uma", "Vera",
    "Wanda", "Xavier", "Yara", "Yusuf", "Zelda", "Zoe",
)
_LAST = (
    "Abara", "Aldana", "Almeida", "Ashdown", "Bakke", "Barlow", "Beltran", "Birch", "Bryce", "Calloway",
    "Castell", "Cho", "Corbin", "Dahl", "Delgado", "Devane", "Drummond", "Ekberg", "Ellery", "Farrow",
    "Fenn", "Fontaine", "Galvan", "Greer", "Halloran", "Haruki", "Hensley", "Ibarra", "Ingram",
    "Jovanovic", "Kapoor", "Keane", "Kimura", "Lindqvist", "Lomax", "Marlow", "Mbeki", "Mercer", "Moreau",
    "Navarro", "Nyberg", "Okafor", "Ortega", "Pace", "Pham", "Quillen", "Rao", "Redfern", "Rinaldi",
    "Rourke", "Sato", "Sayed", "Sorrell", "Strand", "Tamm", "Teller", "Tran", "Ueda", "Vance", "Vega",
    "Voss", "Wexler", "Whitlock", "Yates", "Yoon", "Zamora", "Zeller",
)
# fmt: on


def name(rng: Random) -> str:
    return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"


def phone(rng: Random) -> str:
    return f"+1-303-555-01{rng.randrange(100):02d}"
