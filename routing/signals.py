from django.dispatch import Signal

#: Before `manage.py roads build` goes on with an extract. `bounds`: south-west and north-east corner of its roads,
#: each (lat, lng); `warn`: takes a sentence for who builds. A receiver that raises RoadsError stops the build.
roads_offered = Signal()
