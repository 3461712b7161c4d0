from django.urls import re_path

from tracking.trackers.requests import READERS, positions

app_name = "trackers"
urlpatterns = [
    # People type the slash at the end, or leave it out.
    re_path(rf"^(?P<app>{'|'.join(READERS)})(?:/(?P<token>[^/]+))?/?$", positions, name="positions")
]
