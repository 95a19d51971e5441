"""From a card and its weights to an ONNX graph. Owns the formats of cards and of weights."""
