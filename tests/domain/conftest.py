"""One scenario for each aggregate of the suppliers."""

import pytest

from domain.suppliers import Booking, Offers, SupplierAliases, SupplierCapacity
from domain.suppliers import Scenario as SupplierScenario
from tests.support.given import Scenario


@pytest.fixture
def offers() -> Scenario[Offers]:
    return Scenario(Offers)


@pytest.fixture
def aliases() -> Scenario[SupplierAliases]:
    return Scenario(SupplierAliases)


@pytest.fixture
def supplier_scenario() -> Scenario[SupplierScenario]:
    return Scenario(SupplierScenario)


@pytest.fixture
def supplier_capacity() -> Scenario[SupplierCapacity]:
    return Scenario(SupplierCapacity)


@pytest.fixture
def booking() -> Scenario[Booking]:
    return Scenario(Booking)
