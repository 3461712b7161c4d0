from django.urls import path

from dispatch import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("orders/<uuid:order_id>/proposals", views.proposals, name="proposals"),
    path("orders/<uuid:order_id>/remedies", views.remedies, name="remedies"),
    path("orders/<uuid:order_id>/first", views.serve_first, name="serve-first"),
    path("orders/<uuid:order_id>/unpin", views.unpin, name="unpin"),
    path("orders/<uuid:order_id>/assign", views.assign, name="assign"),
    path("orders/<uuid:order_id>/unassign", views.unassign, name="unassign"),
    path("orders/<uuid:order_id>/cancel", views.cancel, name="cancel"),
    path("orders/<uuid:order_id>/undo-pickup", views.undo_pickup, name="undo-pickup"),
    path("orders/<uuid:order_id>/close", views.close, name="close"),
]
