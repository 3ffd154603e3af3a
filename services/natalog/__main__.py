"""`python -m natalog` is `natalog`."""

from natalog.cli import main

main()
