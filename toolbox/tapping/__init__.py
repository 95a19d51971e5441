"""Finding the places to record from in any ONNX graph. Knows operators; does not depend on any network."""
