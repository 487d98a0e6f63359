"""How strongly a pair's sides differ, whether its label is wrong, and whether the two can be told apart at all."""
