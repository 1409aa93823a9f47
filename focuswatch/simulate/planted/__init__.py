"""What is planted on purpose: incidents, and innocent things that look like them."""
