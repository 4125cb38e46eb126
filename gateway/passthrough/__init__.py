"""Connections that pass unread by somebody's word: the list, and proposals for it."""
