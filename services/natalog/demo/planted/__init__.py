"""What is planted in the day, by subject. Each case is an async function on a Scene; `plan.py` counts them.

The expectations are the rules' own words (DESIGN section 6), written down apart from the code that decides:
change one only when the rule changes.
"""
