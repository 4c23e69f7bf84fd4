"""The documents as a site: what MkDocs asks, and the pages that are written from the code."""
