"""Learning anew which window's lines are believed: scenes, examples, network, training. See docs/beliefs.md."""
