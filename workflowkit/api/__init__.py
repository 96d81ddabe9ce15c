"""HTTP: the API and its documentation. Import it only where requests are served: APIFlask costs about a second."""

from workflowkit.api.app import create_app, create_blueprint

__all__ = ["create_app", "create_blueprint"]
