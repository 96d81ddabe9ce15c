"""The shape of every request and answer, in marshmallow: checked on the way in, documented both ways."""
