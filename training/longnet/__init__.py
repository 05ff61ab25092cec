"""Training of LongNet models and adaptation of pretrained ones, with the attention plans of the engine."""
