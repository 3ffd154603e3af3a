"""A made-up population that follows the published births."""
