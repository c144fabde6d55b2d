"""Alembic's revisions of the database; `storage.migrate` runs them."""
