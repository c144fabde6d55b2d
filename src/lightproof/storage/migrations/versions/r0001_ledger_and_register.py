"""The ledger and the register of breaches."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "entry",
        sa.Column("idx", sa.Integer, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("principal", sa.Text),
        sa.Column("bytes", sa.LargeBinary),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("idx", name="pk_entry"),
        sqlite_strict=True,
    )
    op.create_index("ix_entry_subject", "entry", ["subject"])
    op.create_index("ix_entry_kind", "entry", ["kind"])
    op.create_table(
        "node",
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("idx", sa.Integer, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("level", "idx", name="pk_node"),
        sqlite_with_rowid=False,
        sqlite_strict=True,
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_checkpoint"),
        sqlite_strict=True,
    )
    op.create_table(
        "stamp",
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("token", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_stamp"),
        sa.ForeignKeyConstraint(["size"], ["checkpoint.size"], name="fk_stamp_size"),
        sqlite_strict=True,
    )
    op.create_table(
        "attachment",
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_attachment"),
        sqlite_strict=True,
    )
    op.create_table(
        "breach",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("opened_at", sa.Text, nullable=False),
        sa.Column("aware_at", sa.Text, nullable=False),
        sa.Column("deadline", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("regime", sa.Text, nullable=False),
        sa.Column("updated_entry", sa.Integer, nullable=False),
        sa.Column("row_sha", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_breach"),
        sqlite_strict=True,
    )
    for column in ("opened_at", "status", "deadline"):
        op.create_index(f"ix_breach_{column}", "breach", [column])
