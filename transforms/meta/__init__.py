"""How well a scorer, reward model or metric, agrees with people: kernels on arrays, and nothing of where scores lie."""
