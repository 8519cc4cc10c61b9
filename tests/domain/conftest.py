"""One scenario for each aggregate."""

import pytest

from domain.access import ApiKey
from domain.suppliers import Booking, FileClaim, Offers, SupplierAliases, SupplierCapacity
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
def file_claim() -> Scenario[FileClaim]:
    return Scenario(FileClaim)


@pytest.fixture
def booking() -> Scenario[Booking]:
    return Scenario(Booking)


@pytest.fixture
def api_key() -> Scenario[ApiKey]:
    return Scenario(ApiKey)
