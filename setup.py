"""What pyproject.toml cannot say: the folder weights/ is the package refpose._weights when it is installed."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["refpose", "refpose.*"]), "refpose._weights"],
    package_dir={"refpose._weights": "weights"},
)
