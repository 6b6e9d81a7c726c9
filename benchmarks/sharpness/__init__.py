"""How sharp a time-frequency picture is: signals with known lines, metrics, peers, and the report."""
