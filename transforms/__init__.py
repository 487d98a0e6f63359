"""What can be done to rows: one room a stage, in each a pure kernel on frames and a thin PTransform around it."""
