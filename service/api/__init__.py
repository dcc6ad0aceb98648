"""Routes: parse, one store call, return a schema."""
