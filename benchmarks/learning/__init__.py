"""What learning Anthropic's limits from its answers is worth: the gateway under load, with it and without."""
