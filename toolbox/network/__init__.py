"""From a card and its weights to a running ONNX graph. The only place that knows onnx, onnxruntime, h5py and safetensors."""
