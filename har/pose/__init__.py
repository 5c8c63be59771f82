"""Where a person's joints are in each frame: two networks, following, landmarks as features."""
