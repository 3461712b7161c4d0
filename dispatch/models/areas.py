"""Where a city delivers to."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Func
from django.db.models.lookups import Exact

from dispatch.models.cities import City
from routing.areas import Area, area_from_geojson, contains, distance_to_corners_m
from routing.errors import BadArea


def validate_area(geometry: Any) -> None:
    try:
        area_from_geojson(geometry)
    except BadArea as wrong:
        raise ValidationError(wrong.message) from None


class DeliveryArea(models.Model):
    """A table of its own: orders are read with their cities, thousands of times, and an outline may be long."""

    id = models.BigAutoField(primary_key=True)
    city = models.OneToOneField(City, on_delete=models.CASCADE, related_name="delivery_area")
    area = models.JSONField(
        validators=[validate_area],
        help_text="A GeoJSON Polygon or MultiPolygon, longitude first. Orders for doors outside say so.",
    )

    class Meta:
        db_table = "delivery_areas"
        constraints = [
            models.CheckConstraint(
                name="delivery_areas_object",
                condition=Exact(
                    Func("area", function="jsonb_typeof", output_field=models.TextField()), "object"
                ),
            )
        ]

    def __str__(self) -> str:
        return f"Area of {self.city}"

    @property
    def outline(self) -> Area:
        """BadArea: what SQL wrote is none."""
        return area_from_geojson(self.area)

    def clean(self) -> None:
        """What lies in another part of the world has latitude and longitude mixed up, as far as each is in range."""
        try:
            area = self.outline
        except BadArea:
            return  # its own validator says why
        if self.city.lat is None or self.city.lng is None:
            return  # a new one that is not complete yet
        center = self.city.point
        far = distance_to_corners_m(area, center) > settings.FAR_DOOR_M
        if far and not contains(area, center):
            raise ValidationError(
                {"area": f"This is very far from {self.city}: in GeoJSON the longitude comes first."}
            )
