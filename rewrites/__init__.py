"""What may be concluded: rules, and the strategies and advice that use them."""
