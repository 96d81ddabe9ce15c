"""What a document's settings say, as frozen values: of single actions, of the workflow, of what starts it.

Reading never raises and never reports: what is wrong is left out here, as in ``definition.outline``, and reported by
``definition.checks``.
"""
