"""What people write in different ways in an address, and the one way that it is compared in."""

from collections.abc import Mapping


def _spellings(table: str) -> dict[str, str]:
    """Lines of the word that counts and what else is written for it."""
    return {word: line.split()[0] for line in table.strip().splitlines() for word in line.split()}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


DIRECTIONS: Mapping[str, str] = _spellings("""
    n north nord
    e east
    s south
    w west
    ne northeast
    nw northwest
    se southeast
    sw southwest
""")

TYPES: Mapping[str, str] = _spellings("""
    aly alley ally
    ave avenue av aven avenida
    blvd boulevard boul bvd bd
    br branch
    brg bridge
    byp bypass
    cir circle circ crcl
    cv cove
    cres crescent crst
    ct court crt
    dr drive drv
    expy expressway
    fwy freeway
    gln glen
    hwy highway hiway
    hl hill
    jct junction
    ln lane
    loop loops
    mall
    mews
    pkwy parkway pky pkway parkwy
    pass
    path
    pike pikes
    pl place plc
    plz plaza
    pt point
    rd road
    rdg ridge
    row
    rte route
    rua
    rue
    sq square sqr
    st street str strt strasse
    ter terrace terr
    trce trace
    trl trail tr
    tpke turnpike
    vw view
    walk
    way wy
""")

#: Types that stand before the name where Romance languages are spoken.
LEADING_TYPES: Mapping[str, str] = _spellings("""
    rua r
    rue
    ave avenue av avenida
    blvd boulevard bd
    pl place
    quai
    praca
    travessa
    largo
    chemin
    via
    calle
""")

#: Within a name.
NAMES: Mapping[str, str] = _spellings("""
    st saint
    mount mt
    fort ft
    mountain mtn
    junior jr
    doctor dr
""")

#: The whole of a name, without TITLES.
SYNONYMS: Mapping[str, str] = {"mlk": "martin luther king"}
#: Of whom a street is named after; some leave them out.
TITLES = _words("doctor junior")

_ORDINALS = """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
    sixteenth seventeenth eighteenth nineteenth twentieth
"""
ORDINALS: Mapping[str, str] = {word: str(number) for number, word in enumerate(_ORDINALS.split(), start=1)}

#: Before what tells one door of a house from another.
UNITS = _words("apt apartment unit suite ste floor fl room rm bldg building lot spc space trlr trailer no")
#: The same, where nothing has to come behind.
WHOLE_UNITS = _words("penthouse ph basement bsmt lobby rear upstairs downstairs")

STATES = _words(
    "al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or "
    "pa ri sc sd tn tx ut vt va wa wv wi wy dc colorado wyoming nebraska kansas utah california texas"
)
#: Abbreviations of states that end the names of streets as well.
STATES_LIKE_STREETS = frozenset({"ct", "ne", "wy"})
COUNTRIES = frozenset({"usa", "us", "deutschland", "germany", "portugal", "monaco", "france"})
