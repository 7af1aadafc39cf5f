/** The numbers of a layer and of a label: their symbols, names and how they are printed. */

import {html} from './html.js';
import {formatMean, formatNumber, formatShare, labelName} from './format.js';

const sub = (letter, index) => html`<var>${letter}</var><sub>${index}</sub>`;

/** Our own text with its indices set low: `SNR_I`. Not for names that come with the log. */
export function symbols(text) {
  return text.split(/\b(\w+_\w)\b/).map((part, i) => (i % 2 ? sub(...part.split('_')) : part));
}

/** Table 1's columns, then the rest. `key` as in layers.csv. */
export const LAYER_COLUMNS = [
  [
    'accuracy',
    'Accuracy',
    'Share of the test images that the head on this stage classifies rightly',
    formatShare,
  ],
  [
    'noise',
    html`<var>n</var>`,
    'Noise: elements above the threshold outside clusters, mean over all filters',
    formatMean,
  ],
  [
    'noise_clustered',
    html`<var>n</var>, with clusters`,
    'Noise, mean over the filters that have a cluster',
    formatMean,
  ],
  ['clusters', sub('N', 'c'), 'Clusters of a filter, mean', formatMean],
  [
    'cluster_size',
    sub('C', 's'),
    'Labels of a cluster, mean over all clusters of the layer',
    formatMean,
  ],
  [
    'signal',
    'Signal',
    'Filters with a given label in a cluster, mean over labels (equation 1)',
    formatMean,
  ],
  [
    'noise_internal',
    sub('noise', 'I'),
    'Internal noise: ones of a label inside clusters on one wrong output, from means of the layer (equation 2)',
    formatMean,
  ],
  [
    'noise_external',
    sub('noise', 'E'),
    'External noise: ones of a label outside clusters on one output, from means of the layer (equation 3)',
    formatMean,
  ],
  ['snr_internal', sub('SNR', 'I'), 'Signal over internal noise', formatMean],
  ['snr_external', sub('SNR', 'E'), 'Signal over external noise (equation 4)', formatMean],
  ['filters', sub('N', 'f'), 'Filters of the stage'],
  ['outputs_per_filter', 'Outputs', 'Numbers a filter hands to the head'],
  ['fc_inputs', 'Inputs', 'Inputs of the head: filters times outputs'],
  ['dead_filters', 'Dead filters', 'Filters whose fields are nowhere positive'],
  ['zero_signal_labels', 'Labels lost', 'Labels without signal: in no cluster of the layer'],
  ['step', 'Step', 'Epoch of the measurement, counted from 0'],
].map(([key, title, hint, format = formatNumber]) => ({key, title, hint, format, numeric: true}));

/** `key` as in labels.csv. */
export const LABEL_COLUMNS = [
  ['label', 'No.', 'Number of the label'],
  ['name', 'Label', 'Name of the label', (name, row) => labelName(name, row.label), false],
  ['appearances', 'Appearances', 'Clusters of the layer that hold the label'],
  ['signal', 'Signal', 'Filters with the label in a cluster'],
  [
    'noise_internal',
    sub('noise', 'I'),
    'Ones of the label’s rows inside clusters, off the diagonal, by K−1. Mean over labels: at least equation 2',
    formatMean,
  ],
  [
    'noise_external',
    sub('noise', 'E'),
    'Ones of the label’s rows outside clusters, by K−1. Mean over labels: equation 3 times K/(K−1)',
    formatMean,
  ],
  ['field_signal', 'Field signal', 'The same sum over fields', formatMean],
  [
    'field_noise_internal',
    html`field ${sub('noise', 'I')}`,
    'The same sum over fields',
    formatMean,
  ],
  [
    'field_noise_external',
    html`field ${sub('noise', 'E')}`,
    'The same sum over fields',
    formatMean,
  ],
  [
    'accuracy',
    'Accuracy',
    'Share of the label’s images that the head classifies rightly',
    formatShare,
  ],
  ['inputs', 'Inputs', 'Images of the label'],
].map(([key, title, hint, format = formatNumber, numeric = true]) => ({
  key,
  title,
  hint,
  format,
  numeric,
}));
