/**
 * One filter with two outputs and ten labels, for the explanation. What follows from `features` and
 * `kernel` is here as `sfp_keras.filters` computes it, which a test compares.
 */
export const EXAMPLE = {
  "labels": ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
  "threshold": 0.3,
  "features": [[0.9, 0.0], [0.1, 0.0], [0.4, 0.1], [0.0, 0.8], [0.0, 0.2], [0.0, 0.9], [0.0, 0.1], [0.1, 0.4], [0.8, 0.0], [0.2, 0.0]],
  "kernel": [[1.0, 0.1, -0.1, -0.3, -0.2, -0.2, -0.1, -0.2, 0.9, -0.1], [-0.2, -0.1, 0.1, 0.7, 0.1, 1.0, -0.1, 0.2, -0.3, -0.2]],
  "maximum": 0.9,
  "order": [0, 8, 3, 5, 1, 2, 4, 6, 7, 9],
  "clusters": [[0, 8], [3, 5]],
  "ones": 11,
  "noise": 3,
  "internal": [1, 0, 0, 1, 0, 1, 0, 0, 1, 0],
  "external": [0, 0, 2, 0, 0, 0, 0, 1, 0, 0]
};

/** The field of an input label on an output unit. */
export function exampleField(row, column) {
  const {features, kernel} = EXAMPLE;
  return features[row][0] * kernel[0][column] + features[row][1] * kernel[1][column];
}
