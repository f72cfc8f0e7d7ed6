"""Methods: how rules reach goals (see :mod:`..search.backward`).  Each module lists its own as ``METHODS``."""
