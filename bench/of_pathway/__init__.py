"""What the case `pathway` is made of: rules to evaluate, many learners, and one act among them."""
