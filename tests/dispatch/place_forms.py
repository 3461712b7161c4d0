"""What the admin's pages of restaurants and cities send beside their own fields."""

#: Of opening hours, of exceptions, of a city of its area, and of a restaurant of where platforms know it.
TABLES = ("openinghours_set", "openingexception_set", "delivery_area", "on_platforms")


def rows(table: str, *entered: dict[str, str]) -> dict[str, str]:
    """New rows of one table."""
    fields = {f"{table}-{n}-{name}": value for n, row in enumerate(entered) for name, value in row.items()}
    return {f"{table}-TOTAL_FORMS": str(len(entered)), f"{table}-INITIAL_FORMS": "0"} | fields


NO_HOURS = {name: value for table in TABLES for name, value in rows(table).items()}
