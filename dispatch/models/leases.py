from django.db import models


class Lease(models.Model):
    """Who runs a periodic job, since when, and when one was last done with it (dispatch/leases.py)."""

    job = models.TextField(primary_key=True)
    holder = models.TextField(help_text="Machine, process and turn of whoever has, or had, the lease last.")
    since = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="In the past: nobody has it.")
    done_at = models.DateTimeField(null=True, help_text="The end of the last round that did its work.")

    class Meta:
        db_table = "leases"
        ordering = ["job"]
        default_permissions = ()  # the jobs' own: nobody sees it in the admin

    def __str__(self) -> str:
        return self.job
