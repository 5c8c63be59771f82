"""From clips or features to trained weights: examples, the loop, fits, calibration."""
