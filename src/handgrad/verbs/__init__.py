"""The verbs as Python has them: they take what a notebook has, and give back what it can show."""
