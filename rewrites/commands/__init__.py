"""Commands on the modules of the folder above, one file each; what has a folder of its own keeps its command there."""
