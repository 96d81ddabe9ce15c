"""Rows and records: the schema, the connection, and one module of queries per noun. The only layer that speaks SQL."""
