"""A host application with users of its own, whose pages have the workflow editor inside."""
