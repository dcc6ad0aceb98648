"""Coal-equivalent coefficients of GB/T 2589-2020 as defaults.

The rows hold from the day on which the standard came into force; earlier days use the oldest row.
The value of electricity is the calorific one (当量值), 3,600 kJ a kWh; its value by coal
consumption (等价值) changes every year and is the operator's to enter. Rows that are not
confirmed were not read in the standard's own text. Carriers whose value depends on their origin
(natural gas, coke oven gas) have no default.

Revision ID: 0009
Revises: 0008
"""

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

IN_FORCE = date(2021, 4, 1)
TABLE_A = "GB/T 2589-2020, appendix A; checked against the heating value / 29,307.6 kJ"

# quantity, kgce per catalogue unit, source, confirmed
DEFAULTS = (
    ("electricity", 0.1229, "GB/T 2589-2020; the value that GB 21341-2008 prints", True),
    ("heat", 34.12, TABLE_A, False),
    ("raw_coal", 714.3, TABLE_A, False),
    ("washed_coal", 900.0, TABLE_A, False),
    ("coke", 971.4, TABLE_A, False),
    ("coal_tar", 1142.9, TABLE_A, False),
    ("crude_benzol", 1428.6, TABLE_A, False),
    ("crude_oil", 1428.6, TABLE_A, False),
    ("fuel_oil", 1428.6, TABLE_A, False),
    ("gasoline", 1471.4, TABLE_A, False),
    ("kerosene", 1471.4, TABLE_A, False),
    ("diesel", 1457.1, TABLE_A, False),
    ("lpg", 1714.3, TABLE_A, False),
    ("refinery_gas", 1571.4, TABLE_A, False),
    ("lng", 1757.2, TABLE_A, False),
    ("blast_furnace_gas", 0.1286, TABLE_A, False),
    ("producer_gas", 0.1786, TABLE_A, False),
    ("hydrogen", 0.3329, TABLE_A, False),
    ("methanol_fuel", 679.4, TABLE_A, False),
    ("ethanol_fuel", 914.4, TABLE_A, False),
)


def upgrade() -> None:
    coefficients = sa.table(
        "coefficients",
        sa.column("quantity"),
        sa.column("method"),
        sa.column("kgce_per_unit"),
        sa.column("valid_from", sa.Date),
        sa.column("source"),
        sa.column("confirmed"),
    )
    op.bulk_insert(
        coefficients,
        [
            {
                "quantity": quantity,
                "method": "calorific",
                "kgce_per_unit": kgce,
                "valid_from": IN_FORCE,
                "source": source,
                "confirmed": confirmed,
            }
            for quantity, kgce, source, confirmed in DEFAULTS
        ],
    )


def downgrade() -> None:
    op.execute("DELETE FROM coefficients WHERE source LIKE 'GB/T 2589-2020%'")
