"""A network written down as a list of operations: recorded from a module, checked, and made again from the list.

Two rooms stand on it: the judge, which examines and trains what was written down, and the export, whose inference plan is
made from it.
"""
