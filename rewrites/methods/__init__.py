"""Methods: how rules reach goals (see :mod:`..backward`).  Each module lists its own as ``METHODS``."""
