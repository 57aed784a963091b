"""Public data sets: where each may be had and under which terms, fetching it, and unpacking what strangers packed."""
