"""From recorded operations of torch to steps of a plan; the only part of the export that knows PyTorch."""
