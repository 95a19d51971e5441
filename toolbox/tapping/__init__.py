"""What there is to record from in an ONNX graph that somebody else made. Knows operators; knows no network."""
