"""The only place that knows aiocache: stores, keys, versions checked, statistics."""
