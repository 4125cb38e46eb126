"""Uploads that span requests: what is kept of them, and how the whole is put together again."""
