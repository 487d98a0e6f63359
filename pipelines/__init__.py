"""Which stages run in which order; the command line, the config, the runner."""
