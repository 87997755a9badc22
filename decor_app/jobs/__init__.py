"""Background processes: queue, trainer, inference pool."""
