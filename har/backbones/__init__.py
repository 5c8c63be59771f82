"""The frozen networks: how they are built, their weights and the runtime that runs them."""
