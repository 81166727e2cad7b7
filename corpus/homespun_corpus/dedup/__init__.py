"""Code that says the same twice, and training code that repeats what is held out."""
