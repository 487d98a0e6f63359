"""Images as they look: hashes of them, and which are copies of each other once encoded, sized or lit anew."""
