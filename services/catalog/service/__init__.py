"""The use cases of the catalog: definitions, pathways, and the import of whole files of them."""
