"""Metrics of the gateway: their catalogue and their exporter."""
