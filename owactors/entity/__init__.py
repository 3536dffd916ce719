"""OpenWhisk's nouns as frozen values with their JSON forms. Pure: no I/O, no clock, no decisions."""
