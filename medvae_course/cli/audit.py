"""What the audit found, as text for a terminal and as plain types for scripts."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tqdm import tqdm

from medvae_course.ct.audit import RULES, SEVERITIES, Finding

_MARKS = {"error": "✗", "warning": "!", "note": "·"}


def to_text(findings: Sequence[Finding], *, most: int = 3) -> str:
    """Return findings grouped by rule, the gravest first.

    Args:
        findings: as `ct.audit.audit` gives them.
        most: findings of a rule, and places of a finding, that are shown.

    Returns:
        Lines for a terminal.
    """
    lines = []
    for rule in dict.fromkeys(finding.rule for finding in findings):
        known, mine = RULES[rule], [f for f in findings if f.rule == rule]
        lines.append(f"{_MARKS[known.severity]} {rule} {known.severity}: {known.title}")
        for finding in mine[:most]:
            lines.append(f"    {finding.value}")
            lines += [f"      {place}" for place in _places(finding, mine, most)]
        if len(mine) > most:
            lines.append(f"    … and {len(mine) - most} more of this kind")
        lines += [f"    Why: {known.why}", f"    Do:  {known.remedy}", ""]
    lines.append(summary(findings))
    return "\n".join(lines)


def _places(finding: Finding, mine: Sequence[Finding], most: int) -> list[str]:
    alike = [other for other in mine if other.where[:1] == finding.where[:1]]
    if len(alike) > 1 and alike[0] is not finding:
        return []  # many elements of the same files: told with the first
    shown = list(finding.where[:most])
    left = max(finding.n, len(finding.where)) - most
    return shown + ([f"… and {left} more"] if shown and left > 0 else [])


def show_progress(things: Iterable, what: str) -> Iterable:
    """Go through things with a bar on stderr, where that is a terminal."""
    return tqdm(things, desc=what, leave=False, disable=None)


def summary(findings: Sequence[Finding]) -> str:
    """Return one line that counts the findings, such as "2 errors, 1 warning"."""
    counts = Counter(finding.severity for finding in findings)
    words = [
        f"{counts[severity]} {severity}{'s' if counts[severity] > 1 else ''}"
        for severity in reversed(SEVERITIES)
        if counts[severity]
    ]
    return ", ".join(words) or "nothing found"


def is_grave(findings: Sequence[Finding], fail_on: str) -> bool:
    """Tell whether a finding is at least as grave as `fail_on`."""
    least = SEVERITIES.index(fail_on)
    return any(SEVERITIES.index(finding.severity) >= least for finding in findings)


def to_dict(findings: Sequence[Finding]) -> dict:
    """Return the findings and their counts as plain types."""
    counts = Counter(finding.severity for finding in findings)
    return {
        "counts": {severity: counts[severity] for severity in reversed(SEVERITIES)},
        "findings": [finding.to_dict() for finding in findings],
    }
