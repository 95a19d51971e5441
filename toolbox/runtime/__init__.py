"""Running a graph on a device. Owns sessions, engines and the hardware; chooses no network."""
