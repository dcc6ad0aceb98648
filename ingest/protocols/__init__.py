"""Pure decoders: bytes in, readings or `Rejected` out."""
