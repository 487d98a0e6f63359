"""Attributes: domains and skills of prompts, what is known of each, and mixtures of them."""
