"""A shop with its own tables, into which Workflow Kit is built."""
