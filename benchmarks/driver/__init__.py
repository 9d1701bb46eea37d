"""The load driver: thousands of WebSocket clients in one process on one core."""
