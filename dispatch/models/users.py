from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """Who signs in: dispatchers and staff. Drivers' apps and customers have tokens instead."""

    class Meta(AbstractUser.Meta):
        db_table = "users"
