"""The rules, one small function each, grouped by what they are about."""
