"""A user's own architectures."""

import keras


def small(num_labels: int, input_shape: tuple[int, ...]) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv2D(6, 3, activation="relu", padding="same"),
            keras.layers.MaxPooling2D(4),
            keras.layers.Conv2D(8, 3, activation="relu", padding="same"),
            keras.layers.MaxPooling2D(4),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.1),
            keras.layers.Dense(num_labels, use_bias=False),
        ]
    )


def with_own_size() -> keras.Model:
    image = keras.Input((16, 16, 1))
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(3, name="output")(x))


def normalised(num_labels: int, input_shape: tuple[int, ...]) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.MaxPooling2D(4, name="pool"),
            keras.layers.Flatten(),
            keras.layers.Dense(num_labels, use_bias=False),
        ]
    )
