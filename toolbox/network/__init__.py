"""From a card and its weights to a running ONNX graph. The only place that knows onnx, onnxruntime and h5py."""
