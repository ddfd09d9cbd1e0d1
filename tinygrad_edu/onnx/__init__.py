"""Programs in formats that others run: ONNX, written and read."""
