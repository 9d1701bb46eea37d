"""Load tests: Pavilion beside peers, as ratios inside one run on one machine. `docs/benchmarks.md` says how."""
