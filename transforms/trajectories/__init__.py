"""Trajectories: how far frames are apart, where time and value contradict each other, value-order correlation."""
