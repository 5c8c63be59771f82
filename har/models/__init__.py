"""The models, one file each, and the contract that they share (`har.models.contract`)."""
