"""The project's addresses where COMPLAINTS_DEMO is off."""

from hms_gov import urls

handler404 = urls.handler404
urlpatterns = [one for one in urls.urlpatterns if getattr(one, "name", None) != "complaints_demo"]
