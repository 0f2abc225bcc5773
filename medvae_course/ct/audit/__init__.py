"""What would spoil a study, found before it does: identities, leaks, wrong values.

A folder is read once into plain facts (`collect`); the rules (`RULES`) are functions of
these facts and give findings (`audit`, or `check` for facts that are there already).

Example:
    >>> from medvae_course.ct.audit.facts import Facts, Scan
    >>> scaled = Scan("case.nii.gz", low_hu=0.0, high_hu=1.0)
    >>> [(f.rule, f.severity) for f in check(Facts(scans=(scaled,)))]
    [('C03', 'error')]
"""

from .folder import AuditError, collect, read_split
from .rules import RULES, SEVERITIES, Finding, Rule
from .runner import audit, check

__all__ = [
    "RULES",
    "SEVERITIES",
    "AuditError",
    "Finding",
    "Rule",
    "audit",
    "check",
    "collect",
    "read_split",
]
