from django.urls import path

from dispatch.api import pages
from dispatch.api.app import api

app_name = "api"
urlpatterns = [
    path("openapi.json", pages.openapi, name="openapi"),
    path("docs", pages.docs, name="docs"),
    *api.urls[0],
]
