from django.urls import path

from tracking.trackers.requests import READERS, positions

app_name = "trackers"
# People type the slash at the end, or leave it out.
urlpatterns = [
    path(f"{app}{rest}", positions, {"app": app}, name=name)
    for app in READERS
    for rest, name in (("", "positions"), ("/", None), ("/<token>", None), ("/<token>/", None))
]
