"""What the benchmarks of webhooks share: a database of their own, its rows, and receivers."""
