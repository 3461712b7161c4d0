from django.urls import path

from routing import views

urlpatterns = [path("<int:z>/<int:x>/<int:y>.mvt", views.tile, name="tile")]
