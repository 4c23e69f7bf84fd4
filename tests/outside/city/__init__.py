"""What a city adds to the metrics: a package of its own, which no file of ours has heard of."""
