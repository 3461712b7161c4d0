"""What an ordering platform was told before it ordered."""

from django.db import models
from django.db.models.functions import UUID4, Now

from dispatch.models.api_keys import ApiKey
from dispatch.models.columns import LATITUDE, LONGITUDE, in_range
from dispatch.models.restaurants import Restaurant


class Quote(models.Model):
    """A promise for one order from this restaurant to this door, kept for who places it with this key until it
    expires, once (dispatch/planning/quotes.py).
    """

    id = models.UUIDField(primary_key=True, db_default=UUID4(), editable=False)
    # Without indexes of their own: quotes are found by their id, and forgotten by when they were made.
    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+", db_index=False)
    restaurant = models.ForeignKey(Restaurant, on_delete=models.CASCADE, related_name="+", db_index=False)
    customer_lat = models.FloatField("latitude", validators=LATITUDE)
    customer_lng = models.FloatField("longitude", validators=LONGITUDE)
    promised_at = models.DateTimeField()
    made_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "quotes"
        default_permissions = ()
        constraints = [in_range("quotes_customer_on_globe", "customer_lat", "customer_lng")]
        indexes = [models.Index(name="quotes_made", fields=["made_at"])]

    def __str__(self) -> str:
        return f"{self.promised_at:%Y-%m-%d %H:%M}"
