"""Where documents and activations are kept: the ports and their back ends. No HTTP, no actors."""
