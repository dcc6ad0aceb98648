"""How official series hang together: triples, levels and growth, totals and parts."""

from schemas.official import SERIES

TRIPLES = (  # reduction, growth above, growth below: 1 + g_below = (1 + g_above) / (1 - r)
    ("intensity_reduction", "energy_growth", "gdp_growth"),
    (
        "industrial_intensity_reduction",
        "industrial_energy_growth",
        "industrial_value_added_growth",
    ),
    ("carbon_intensity_reduction", "carbon_growth", "gdp_growth"),
)
OF_LEVELS = (
    ("intensity_reduction", "energy_total", "gdp"),
    ("carbon_intensity_reduction", "carbon_emissions", "gdp"),
)
SECTORS_OF_GDP = (
    "primary_sector_value_added",
    "all_industry_value_added",
    "construction_value_added",
    "services_value_added",
)
SUMS: dict[str, tuple[tuple[str, ...], bool]] = {  # total -> sectors, whether it refuses
    "gdp": (SECTORS_OF_GDP, True),
    "electricity_total": (
        (
            "primary_sector_electricity",
            "industry_electricity",
            "construction_electricity",
            "services_electricity",
            "households_electricity",
        ),
        True,
    ),
    "energy_total": (
        (
            "industrial_energy",
            "below_scale_energy",
            "primary_sector_energy",
            "construction_energy",
            "services_energy",
            "households_energy",
        ),
        False,  # 205-1 counts otherwise than the energy balance
    ),
}
WITH_GROWTH = [
    (series.code, series.growth, SERIES[series.growth].panel)
    for series in SERIES.values()
    if series.growth is not None
]
PARTS = (  # part, whole
    ("industrial_value_added", "all_industry_value_added"),
    ("industrial_feedstock_energy", "industrial_energy"),
    ("high_energy_electricity", "industry_electricity"),
    ("feedstock_energy", "energy_total"),
    ("single_listed_energy", "energy_total"),
    *((sector, total) for total, (sectors, _) in SUMS.items() for sector in sectors),
)
