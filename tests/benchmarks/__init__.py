"""The load driver's own arithmetic: a wrong stopwatch would make every figure wrong."""
