"""Texts and images as vectors: each distinct one embedded once, on CPU or GPU, and kept by what it is."""
