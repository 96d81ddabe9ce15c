"""The pure heart: states, planner, retries, and the contract with actions. No I/O; heavy imports stay out."""
