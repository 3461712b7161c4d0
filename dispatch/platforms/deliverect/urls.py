from django.urls import path

from dispatch.platforms.deliverect import requests

app_name = "deliverect"
urlpatterns = [
    path("validate", requests.validate, name="validate"),
    path("create", requests.create, name="create"),
    path("update", requests.update, name="update"),
    path("cancel", requests.cancel, name="cancel"),
]
