"""Live input: a capture process → a ring in shared memory → a worker → sinks, recording, status and view."""
