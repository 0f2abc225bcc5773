"""From models to verdicts: metrics with units, honest baselines, intervals."""
