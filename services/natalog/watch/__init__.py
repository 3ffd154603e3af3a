"""The SLA watch (时限监看): reads birth.registrations and sends FilingOverdue when nobody filed in time."""
