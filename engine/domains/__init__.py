"""What the interpreter evaluates over: exact numbers, balls, blocks of inputs in fixed-point integers."""
