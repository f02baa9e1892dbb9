"""A trained network in use: loaded, asked, on arrays of bytes and on photographs."""
