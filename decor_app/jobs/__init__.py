"""Background processes: queues of jobs, a worker for each, the inference pool."""
