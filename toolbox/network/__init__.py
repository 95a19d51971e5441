"""From a card and its weights to a running ONNX graph. Only here are onnx, onnxruntime, h5py and safetensors known."""
