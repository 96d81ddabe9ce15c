"""HTTP: the API and its documentation. Imported only where requests are served (it costs a second)."""
