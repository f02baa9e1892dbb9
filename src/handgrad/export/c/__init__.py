"""The network as one C99 file without libraries: in float32, and in 8-bit whole numbers."""
