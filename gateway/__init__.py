"""Sluice: a data-loss-prevention gateway for file transfers."""
