"""What is kept out of training and prompts, and why."""
