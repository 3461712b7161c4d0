"""The index of addresses (routing/addresses/), read from the roads in use, and what geocoders have answered."""

from django.db import models
from django.db.models.functions import Now


class AddressIndex(models.Model):
    """What was read from one build of roads. The rows of another one stay until it is in use."""

    id = models.AutoField(primary_key=True)
    fingerprint = models.TextField(help_text="Of the build, and of what reads it.")
    source = models.TextField()
    in_use = models.BooleanField(default=False)
    loaded_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "address_indexes"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                name="address_indexes_one_in_use",
                fields=["in_use"],
                condition=models.Q(in_use=True),
            )
        ]

    def __str__(self) -> str:
        return self.source


class AddressStreet(models.Model):
    """A street, or a part of one far from others of its name. `base`, `type`, `directions`: of StreetName."""

    id = models.BigIntegerField(primary_key=True)
    index = models.ForeignKey(AddressIndex, models.CASCADE, related_name="streets")
    name = models.TextField()
    base = models.TextField()
    type = models.TextField()
    directions = models.TextField()
    #: By which misspelt ones find it (matching.keys); `address_streets_keys` (routing/migrations) is their index.
    keys = models.JSONField()
    south = models.FloatField()
    west = models.FloatField()
    north = models.FloatField()
    east = models.FloatField()
    lat = models.FloatField()
    lng = models.FloatField()
    houses = models.IntegerField()

    class Meta:
        db_table = "address_streets"
        default_permissions = ()
        indexes = [
            models.Index(fields=["base"], name="address_streets_begin", opclasses=["text_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return self.name


class AddressHouse(models.Model):
    id = models.BigAutoField(primary_key=True)
    # Without an index of its own: `address_houses_numbers` begins with it.
    street = models.ForeignKey(
        AddressStreet, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    number = models.IntegerField()
    letter = models.TextField()
    lat = models.FloatField()
    lng = models.FloatField()
    postcode = models.TextField()
    town = models.TextField()

    class Meta:
        db_table = "address_houses"
        default_permissions = ()
        indexes = [models.Index(fields=["street", "number"], name="address_houses_numbers")]

    def __str__(self) -> str:
        return f"{self.number}{self.letter}"


class AddressBlock(models.Model):
    """The numbers of a street from one crossing to the next, as they are counted (routing/roads/addresses.py)."""

    id = models.BigAutoField(primary_key=True)
    street = models.ForeignKey(AddressStreet, models.CASCADE, related_name="+", db_constraint=False)
    first = models.IntegerField()
    last = models.IntegerField()
    first_lat = models.FloatField()
    first_lng = models.FloatField()
    last_lat = models.FloatField()
    last_lng = models.FloatField()

    class Meta:
        db_table = "address_blocks"
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.first}–{self.last}"


class AddressTown(models.Model):
    id = models.BigAutoField(primary_key=True)
    index = models.ForeignKey(AddressIndex, models.CASCADE, related_name="+")
    name = models.TextField(help_text="As addresses are compared (parse.canonical).")
    lat = models.FloatField()
    lng = models.FloatField()

    class Meta:
        db_table = "address_towns"
        default_permissions = ()
        indexes = [models.Index(fields=["name"], name="address_towns_name")]

    def __str__(self) -> str:
        return self.name


class GeocoderAnswer(models.Model):
    """What a geocoder has said, so that it is not asked twice. Of the question only a digest is kept."""

    digest = models.TextField(primary_key=True)
    lat = models.FloatField(null=True, help_text="NULL: it found nothing.")
    lng = models.FloatField(null=True)
    sure = models.BooleanField(default=False)
    answered_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "geocoder_answers"
        default_permissions = ()
        indexes = [models.Index(fields=["answered_at"], name="geocoder_answers_age")]

    def __str__(self) -> str:
        return self.digest[:8]
