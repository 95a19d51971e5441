"""Running a graph on a device. Owns sessions, engines and access to the hardware; does not choose a network."""
