"""A made-up day of one province, played through the gateway and compared with what was planted.

`planted/` holds the cases, each with the verdict, reason, flags and doubts the rules demand; `scene.py` plays
and compares; `report.py` tells.
"""
