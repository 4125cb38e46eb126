"""mitmproxy's side of the gateway, and the only package that knows mitmproxy."""
