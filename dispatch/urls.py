from django.urls import path

from dispatch import message_views, views

app_name = "dispatch"
urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("messages/", message_views.messages_page, name="messages"),
    path("messages/notices", message_views.notices, name="notices"),
    path("orders/<uuid:subject_id>/proposals", views.proposals, name="proposals"),
    path("orders/<uuid:subject_id>/remedies", views.remedies, name="remedies"),
    path("orders/<uuid:subject_id>/first", views.serve_first, name="serve-first"),
    path("orders/<uuid:subject_id>/unpin", views.unpin, name="unpin"),
    path("orders/<uuid:subject_id>/assign", views.assign, name="assign"),
    path("drivers/<uuid:subject_id>/saving", views.saving, name="saving"),
    path("drivers/<uuid:subject_id>/stops", views.rearrange, name="rearrange"),
    path("drivers/<uuid:subject_id>/succession", views.succession, name="succession"),
    path("drivers/<uuid:subject_id>/succession/<uuid:to>", views.succession, name="succession-to"),
    path("drivers/<uuid:subject_id>/hand-on", views.hand_on, name="hand-on"),
    path("drivers/<uuid:subject_id>/hand-back", views.hand_back, name="hand-back"),
    path("places/<uuid:subject_id>/pause", views.pause, name="pause"),
    path("places/<uuid:subject_id>/resume", views.resume, name="resume"),
    path("places/<uuid:subject_id>/promise-later", views.promise_later, name="promise-later"),
    path("places/<uuid:subject_id>/promise-as-usual", views.promise_as_usual, name="promise-as-usual"),
    path("orders/<uuid:subject_id>/unassign", views.unassign, name="unassign"),
    path("orders/<uuid:subject_id>/cancel", views.cancel, name="cancel"),
    path("orders/<uuid:subject_id>/undo-pickup", views.undo_pickup, name="undo-pickup"),
    path("conflicts/<uuid:subject_id>/settle", views.settle, name="settle"),
    path("orders/<uuid:subject_id>/close", views.close, name="close"),
    path("alerts/<uuid:subject_id>/seen", views.see_alert, name="see-alert"),
]
