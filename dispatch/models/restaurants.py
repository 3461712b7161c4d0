from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import UUID4, Now

from dispatch.models.cities import City
from dispatch.models.columns import LATITUDE, LONGITUDE, in_range
from dispatch.models.switches import Switches, switches_make_sense
from routing.geo import Point, distance_m, is_null_island
from routing.problems import Problem


class Restaurant(Switches):
    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    name = models.TextField()
    address = models.TextField(blank=True, db_default="")
    city = models.ForeignKey(
        City, on_delete=models.PROTECT, related_name="restaurants", null=True, blank=True
    )
    lat = models.FloatField("latitude", validators=LATITUDE)
    lng = models.FloatField("longitude", validators=LONGITUDE)
    geofence_radius = models.IntegerField(
        default=200,
        db_default=200,
        validators=[MinValueValidator(20), MaxValueValidator(5000)],
        help_text="Metres around the restaurant in which a driver counts as arrived (20 to 5,000).",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "restaurants"
        ordering = ["name", "id"]
        constraints = [
            in_range("restaurants_position_on_globe", "lat", "lng"),
            models.CheckConstraint(
                name="restaurants_geofence_radius_range", condition=Q(geofence_radius__range=(20, 5000))
            ),
            *switches_make_sense("restaurants"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def point(self) -> Point:
        return Point(self.lat, self.lng)

    @property
    def misplaced(self) -> Problem | None:
        """Why its coordinates can't be right, as far as they tell themselves."""
        if is_null_island(self.point):
            return Problem.RESTAURANT_AT_ZERO
        city = self.city
        if city is None or is_null_island(city.point):
            return None
        far = distance_m(city.point, self.point) > settings.FAR_DOOR_M
        return Problem.RESTAURANT_FAR if far else None
