"""What the performance figures are made with: ``python -m benchmarks``. The README beside this file explains it."""
