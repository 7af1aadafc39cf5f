"""From splits to batches: order, augmentation, scaling."""
