from django.db import models

from dispatch.models.restaurants import Restaurant


class PlatformRestaurant(models.Model):
    """A restaurant as a platform knows it, whose adapter (dispatch/platforms/) finds it by that id."""

    class Platform(models.TextChoices):
        DELIVERECT = "deliverect", "Deliverect"

    restaurant = models.ForeignKey(Restaurant, on_delete=models.CASCADE, related_name="on_platforms")
    platform = models.TextField(choices=Platform)
    external_id = models.TextField("the platform’s id")

    class Meta:
        db_table = "platform_restaurants"
        ordering = ["platform", "external_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["platform", "external_id"], name="platform_restaurants_one_of_an_id"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_platform_display()}: {self.external_id}"
