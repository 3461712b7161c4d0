from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from dispatch.message_views import inbound

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="dispatch:dashboard"), name="home"),
    path("favicon.ico", RedirectView.as_view(url="/static/img/favicon.svg")),
    path("track/", include("tracking.urls")),
    path("dispatch/", include("dispatch.urls")),
    path("messages/inbound/<str:secret>", inbound, name="messages-inbound"),
    path("tiles/", include("routing.urls")),
    path("api/v1/positions/", include("tracking.trackers.urls")),
    path("api/v1/", include("dispatch.api.urls")),
    path("platforms/deliverect/", include("dispatch.platforms.deliverect.urls")),
    path("admin/", admin.site.urls),
]
