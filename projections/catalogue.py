"""Every projection that is run; a new one joins by being listed."""

from projections.api_keys import api_keys
from projections.projection import Projection
from projections.role_capacity import role_capacity
from projections.supplier_capacity import supplier_capacity

PROJECTIONS: tuple[Projection, ...] = (supplier_capacity, api_keys, role_capacity)
