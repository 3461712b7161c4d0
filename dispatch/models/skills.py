"""What an order may need of its driver: a list that staff edit."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

#: So many at most of one driver or order, of so many letters each.
MOST, LONGEST = 50, 50


class Skill(models.Model):
    """An allowance, a piece of equipment. `code` is what drivers and orders have in their lists, which an ordering
    platform may write by SQL too.
    """

    code = models.SlugField(primary_key=True)
    name = models.TextField(unique=True, help_text="As dispatchers and drivers read it.")
    position = models.IntegerField(default=0, db_default=0, help_text="Rank in the list.")

    class Meta:
        db_table = "skills"
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name


def validate_skills(codes: Any) -> None:
    """Raises ValidationError for what is no list of codes."""
    if not isinstance(codes, list) or len(codes) > MOST:
        raise ValidationError(f"Skills are a list of at most {MOST} codes.")
    if not all(isinstance(code, str) and 0 < len(code) <= LONGEST for code in codes):
        raise ValidationError(f"A skill's code is a text of at most {LONGEST} characters.")
