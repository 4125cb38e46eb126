"""What carries messages besides plain requests: frames with readers, and protocols known by their first bytes."""
