"""SQL, one module per noun; the connection is the first argument of every function."""
