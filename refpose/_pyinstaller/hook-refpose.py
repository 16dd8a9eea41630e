"""PyInstaller: the weights and templates go along, and the modules that are imported by name."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

datas = collect_data_files("refpose")
hiddenimports = collect_submodules("refpose")
