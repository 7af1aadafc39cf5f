"""The TensorBoard tab "Clusters": reads what `sfp_keras.monitoring` wrote and serves it.

Installing the package registers the tab. It imports NumPy and TensorBoard alone: no Keras,
TensorFlow or JAX is opened by it, so that it takes no GPU from a training.
"""
