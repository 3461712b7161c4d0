from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from delivery import health
from delivery.metrics import metrics

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="dispatch:dashboard"), name="home"),
    path("favicon.ico", RedirectView.as_view(url="/static/img/favicon.svg")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("metrics", metrics),
    path("track/", include("tracking.urls")),
    path("dispatch/", include("dispatch.urls")),
    path("tiles/", include("routing.urls")),
    path("admin/", admin.site.urls),
]
