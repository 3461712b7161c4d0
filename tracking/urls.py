from django.urls import path

from tracking import views

urlpatterns = [path("", views.track, name="track")]
