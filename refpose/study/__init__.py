"""BlazePose looked at: every intermediate by name, compared, verified, reported and timed."""
