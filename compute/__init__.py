"""Who paints: workers, their bonds and commitments, and the painting itself."""
