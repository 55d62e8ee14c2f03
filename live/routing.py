"""Websocket paths."""

from django.urls import path

from live.socket import live_socket

websocket_urlpatterns = [path("live/", live_socket)]  # type: ignore[arg-type]  # an ASGI application, not a view
