"""What people look at: templates, words, one stylesheet."""
