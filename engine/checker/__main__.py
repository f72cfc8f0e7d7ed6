"""Run the checker by itself: ``python -I -S engine/checker CERTIFICATE --weights FILE``.

Python puts this folder first on its path, where a neighbour could pass for a standard module; so the path entry goes
before anything is imported, and the folder is loaded as a package from its location. What Python itself does to run
a folder comes earlier (it imports a few modules, and caches this file): ``python -I -S checker/__main__.py`` has no
such entry at all. For the modules loaded here, cached bytecode is neither written nor read.
"""

import sys

if not __package__ and __file__.startswith(sys.path[0]):
    del sys.path[0]
sys.dont_write_bytecode = True

import importlib  # noqa: E402
import importlib.util  # noqa: E402
import os  # noqa: E402
from typing import Any  # noqa: E402

sys.pycache_prefix = os.devnull


def command() -> Any:
    """The ``command`` module of this folder, which is loaded as a package of its own name."""
    folder = os.path.dirname(os.path.abspath(__file__))
    name = "mechproof_checker"
    start = os.path.join(folder, "__init__.py")
    spec = importlib.util.spec_from_file_location(name, start, submodule_search_locations=[folder])
    package = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules[name] = package
    spec.loader.exec_module(package)  # type: ignore[union-attr]
    return importlib.import_module(f"{name}.command")


if __name__ == "__main__":
    sys.exit(command().main(sys.argv[1:]))
