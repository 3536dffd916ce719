"""Lines of running activations for who follows them: how many wait, and which invoker tells whom."""
