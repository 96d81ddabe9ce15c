"""The API as a WSGI application, one to each of the web server's processes."""

from bench.ours.app import wk

app = wk.api()
