"""The routes, one module per noun. A view checks, calls down, and shows; it decides nothing."""
