"""The page: a live picture in the browser, served on this machine alone (extra `view`)."""
