"""The assessment (考核): filing discipline in a period, read from the projection as of a ledger position."""
