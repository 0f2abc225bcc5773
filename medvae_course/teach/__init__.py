"""What only a lesson needs: figures, claims with a ledger, exercise checks."""
