"""Weights from files: PyTorch's, those of keras.applications, Keras' own."""
