"""Streams: subscribers that stay connected, and are told what happens in their channels."""
