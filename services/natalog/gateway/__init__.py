"""HTTP: submissions with verdict replies, and the status query."""
