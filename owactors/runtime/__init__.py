"""Action proxies that run inside a container, and where they are found. They import nothing of owactors."""
