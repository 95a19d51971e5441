"""Categories of a set compared: complexity of their representation, and properties of their images."""
